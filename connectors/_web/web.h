#pragma once
#include "connect/identifiers.h"

namespace hw::connectors {

/// The identifiers and cookies of the web as landing pages, form fields and CRM exports carry them: click ids, client
/// ids and native lead-form ids, of vendors with a connector and without. Source: web-analytics reference, sections 8
/// and 10.1.
connect::Vocabulary web_vocabulary();

}  // namespace hw::connectors
