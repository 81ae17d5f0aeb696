#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "conformance/fake_http.h"
#include "conformance/fill_defaults.h"
#include "connect/connector.h"

/// What every connector owes the core (connect/connector.h), checked once by each from its own *_test.cpp:
///
///   TEST(Hubspot, KeepsTheContractOfASource) {
///     conformance::check_source_conformance({
///         .type = hubspot_type(),
///         .options = [] { return conformance::fill_defaults(hubspot_type().options, {{"credential", "crm"}}); },
///         .fields = {{Object::deal, "stage"}},
///         .good = [](const http::Request& r) { return conformance::json(200, answer_for(r.url)); },
///         .personal = {"jane@example.com", "+1 555 0100"},
///     });
///   }
namespace hw::conformance {

/// 2026-11-20T12:00:00Z: the present of a case that names no other.
constexpr Timestamp kNow{std::chrono::seconds(1'795'176'000)};

/// One connector with a vendor that has a good day.
struct Case {
  connect::ConnectorType type;
  std::function<connect::Options()>
      options;  ///< valid ones; put a Secret into every secret option, so that it can be looked for
  std::vector<std::pair<Object, std::string>> fields{};
  /// How the vendor answers when all is well; the same request always gets the same answer. Absent: no network (files).
  FakeHttp::Handler good{};
  std::vector<std::string>
      personal{};  ///< raw texts in those answers or files that must never come out: e-mails, phones, names
  Timestamp now = kNow;
  std::size_t page_rows = 100;  ///< limit given to pull()

  // Sinks alone.
  std::string account{}, action{};
  std::function<connect::Options()> destination_options{};  ///< default: fill_defaults(type.destination_options)
  std::function<Conversion()>
      conversion{};  ///< one that can be sent; default: made from the contract's clicks and hash forms

  std::vector<Identifier> asked{};              ///< of a look-up, if there is one: their history has rows
  std::vector<connect::FieldValues> changes{};  ///< of a writer of source fields, if there is one: all can be written
};

/// Declarations: names, help, defaults; check() on good and on odd options; no secret in an error. Part of both below.
void check_declarations(const Case& c);

/// Every source role that the connector has, and its look-up: reads every stream through, reads every cursor a second
/// time with a new connector, then lets each request of each page fail in every way of faults.h. Expected of pull(),
/// streams(), check_online() and discover(): an error of the right action with the server's wish, never a smaller page,
/// no second try, a prompt return after a stop, and neither secret, personal data nor body in rows, cursors, errors or
/// log lines.
void check_source_conformance(const Case& c);

/// The sink: a sound contract, pure prepare() and body(), one request a send(), one outcome an item, and the same
/// faults; `maybe_applied` wherever the request left and no answer could be read.
void check_sink_conformance(const Case& c);

/// The writer of source fields: reads what stands, one outcome a record, and the same faults for both, `maybe_applied`
/// as above.
void check_writer_conformance(const Case& c);

}  // namespace hw::conformance
