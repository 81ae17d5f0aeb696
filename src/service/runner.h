#pragma once
#include <stop_token>

#include "service/app.h"

namespace hw::service {

/// The daemon's threads: one a source connector, one that reconciles, one a destination, one that looks for damage in
/// the store. Each works off what is due and
/// sleeps on the clock until there is more or another wakes it. Returns after a stop, when every thread has ended:
/// a pull under way is cut at once, for it is repeated; a request to a platform may end within `stop_deadline` and is
/// then cut; answers are committed. A store that fails stops all and is returned.
Status run(App& app, std::stop_token stop);

/// Tells the metrics how often each source is read, and when the store knows it to have been read last, else now: an
/// alert on what is not read any more must not have to wait for the first reading after a start.
Status note_last_reads(App& app);

}  // namespace hw::service
