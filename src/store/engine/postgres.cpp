#include "store/engine/driver.h"
#include "store/engine/failures.h"

#ifdef HW_STORE_POSTGRES
#include <fmt/format.h>
#include <libpq-fe.h>

#include <charconv>
#include <map>

namespace hw::store {
namespace {

constexpr const char* kName = "the PostgreSQL database";

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ClearResult>;
struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};

/// By SQLSTATE. The server's DETAIL line repeats the row and is left out; the primary message does not.
Failure failure_of(const PGresult* result, const PGconn* connection) {
  const char* state_text = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string_view state = state_text != nullptr ? state_text : "";
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string cause = fmt::format("PostgreSQL {}: {}", state, primary != nullptr ? primary : "connection lost");
  const std::string_view group = state.substr(0, 2);
  if (group == "53") return store_full(kName, cause);
  if (group == "40" || state == "55P03") return store_busy(kName, cause);
  if (group == "XX") return store_corrupt(kName, cause);
  if (state == "25006" || state == "42501") return store_readonly(kName, cause);
  if (group == "23") return store_constraint(cause);
  if (state == "08P01") return store_sql(cause);  // the wrong number of parameters; other 08 are lost connections
  if (group.empty() || group == "08" || group == "57" || group == "58" || PQstatus(connection) != CONNECTION_OK) {
    return store_io(kName, cause);
  }
  return store_sql(cause);
}

/// "?" to "$1", "$2", ... outside of quotes.
std::string numbered(std::string_view sql) {
  std::string out;
  int count = 0;
  bool quoted = false;
  for (const char c : sql) {
    if (c == '\'') quoted = !quoted;
    if (c == '?' && !quoted) {
      out += fmt::format("${}", ++count);
    } else {
      out += c;
    }
  }
  return out;
}

class PgRow final : public Row {
 public:
  PgRow(const PGresult* result, int row) : result_(result), row_(row) {}
  bool is_null(int column) const override { return PQgetisnull(result_, row_, column) != 0; }
  std::string text(int column) const override {
    return {PQgetvalue(result_, row_, column), static_cast<std::size_t>(PQgetlength(result_, row_, column))};
  }
  std::int64_t integer(int column) const override {
    if (is_null(column)) return 0;
    const char* begin = PQgetvalue(result_, row_, column);
    const char* end = begin + PQgetlength(result_, row_, column);
    std::int64_t out = 0;
    const auto [stop, error] = std::from_chars(begin, end, out);
    if (error != std::errc() || stop != end) throw store_sql("a column that should hold an integer does not");
    return out;
  }

 private:
  const PGresult* result_;
  const int row_;
};

/// Parameters as libpq wants them: text, or a null pointer.
class Parameters {
 public:
  explicit Parameters(std::initializer_list<Value> params) {
    texts_.reserve(params.size());
    for (const Value& value : params) add(value);
  }
  int count() const { return static_cast<int>(pointers_.size()); }
  const char* const* data() const { return pointers_.data(); }

 private:
  void add(const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      pointers_.push_back(text->c_str());
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      pointers_.push_back(texts_.emplace_back(std::to_string(*number)).c_str());
    } else {
      pointers_.push_back(nullptr);
    }
  }

  std::vector<std::string> texts_;  ///< reserved once: the pointers into it stay
  std::vector<const char*> pointers_;
};

class PgConnection final : public Connection {
 public:
  PgConnection(const DbOptions& options)
      : lock_timeout_(std::chrono::duration_cast<std::chrono::milliseconds>(options.busy_wait).count()),
        connection_(PQconnectdb(options.postgres.c_str())) {
    if (!is_usable()) throw store_io(kName, PQerrorMessage(connection_.get()));
    PQsetNoticeProcessor(
        connection_.get(), [](void*, const char*) {}, nullptr);
  }

  bool is_usable() const override { return PQstatus(connection_.get()) == CONNECTION_OK; }

  std::int64_t exec(std::string_view sql, std::initializer_list<Value> params) override {
    const Answer answer = execute(sql, params);
    const std::string_view changed = PQcmdTuples(answer.get());
    std::int64_t out = 0;
    std::from_chars(changed.data(), changed.data() + changed.size(), out);
    return out;
  }

  void query(std::string_view sql, std::initializer_list<Value> params,
             const std::function<void(const Row&)>& each) override {
    const Answer answer = execute(sql, params);
    for (int row = 0; row < PQntuples(answer.get()); ++row) {
      ++steps;
      each(PgRow(answer.get(), row));
    }
  }

  /// An advisory lock per schema makes one writer of all daemons: no transaction meets another half-way, so none has to
  /// be run twice.
  void begin(bool write, Durability durability) override {
    if (!write) {
      command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    } else {
      command(
          fmt::format("BEGIN; SET LOCAL synchronous_commit = {}; SET LOCAL lock_timeout = {}; "
                      "SELECT pg_advisory_xact_lock(hashtext('headwater ' || current_schema()))",
                      durability == Durability::ledger ? "on" : "off", lock_timeout_));
    }
    steps = 0;
  }

  void commit() override {
    try {
      command("COMMIT");
    } catch (Failure& failure) {
      failure.error.maybe_applied = !is_usable();
      throw;
    }
  }

  void rollback() noexcept override {
    if (PQtransactionStatus(connection_.get()) == PQTRANS_IDLE) return;
    PQclear(PQexec(connection_.get(), "ROLLBACK"));
  }

 private:
  void command(const std::string& sql) { checked(Answer(PQexec(connection_.get(), sql.c_str()))); }

  Answer checked(Answer answer) const {
    const ExecStatusType status = PQresultStatus(answer.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw failure_of(answer.get(), connection_.get());
    return answer;
  }

  const std::string& prepared(std::string_view sql) {
    const auto found = names_.find(sql);
    if (found != names_.end()) return found->second;
    std::string name = fmt::format("s{}", names_.size());
    checked(Answer(PQprepare(connection_.get(), name.c_str(), numbered(sql).c_str(), 0, nullptr)));
    return names_.emplace(sql, std::move(name)).first->second;
  }

  Answer execute(std::string_view sql, std::initializer_list<Value> params) {
    ++steps;
    const Parameters values(params);
    const std::string& name = prepared(sql);
    return checked(
        Answer(PQexecPrepared(connection_.get(), name.c_str(), values.count(), values.data(), nullptr, nullptr,
                              /*resultFormat=*/0)));
  }

  const std::int64_t lock_timeout_;
  const std::unique_ptr<PGconn, Finish> connection_;
  std::map<std::string, std::string, std::less<>> names_;  ///< SQL -> name of the prepared statement
};

class PgDriver final : public Driver {
 public:
  explicit PgDriver(const DbOptions& options) : options_(options) {
    PgConnection first(options_);
    if (first.one_text("SELECT current_schema()::text")) return;
    if (options.read_only || !options.create) throw store_missing(kName);
    create_schema(first);
  }

  std::unique_ptr<Connection> connect(bool /*write*/) override { return std::make_unique<PgConnection>(options_); }

  Dialect dialect() const override {
    return {.integer = "BIGINT",
            .id = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
            .strict = "",
            .clustered = "",
            .engine = "postgres"};
  }

  std::string name() const override { return kName; }

  Contents contents(Tx& tx) override {
    return tx.one_text("SELECT to_regclass('meta')::text") ? Contents::store : Contents::empty;
  }

  std::int64_t size_bytes(Tx& tx) override {
    return tx
        .one_integer(
            "SELECT COALESCE(SUM(pg_total_relation_size(oid)), 0)::bigint FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace")
        .value_or(0);
  }

  /// The server's own business: its checksums and its backups.
  std::string quick_damage(const std::stop_token&) override { return ""; }

  /// Reads every row; a damaged page fails the statement with its own code.
  std::string damage(Tx& tx) override {
    std::vector<std::string> tables;
    tx.query("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1", {},
             [&](const Row& row) { tables.push_back(row.text(0)); });
    for (const std::string& table : tables) tx.one_text("SELECT MAX(length(t::text))::text FROM " + table + " t");
    return "";
  }

 private:
  /// The connection string may name a schema of its own (options='-c search_path=NAME'): one for each workspace.
  static void create_schema(PgConnection& connection) {
    const auto schema =
        connection.one_text("SELECT quote_ident(trim(split_part(current_setting('search_path'), ',', 1), ' \"'))");
    connection.exec("CREATE SCHEMA IF NOT EXISTS " + schema.value_or("headwater"), {});
  }

  const DbOptions options_;
};

}  // namespace

std::unique_ptr<Driver> postgres_driver(const DbOptions& options) { return std::make_unique<PgDriver>(options); }

}  // namespace hw::store

#else

namespace hw::store {

std::unique_ptr<Driver> postgres_driver(const DbOptions&) {
  throw store_engine(
      "this headwater was built without PostgreSQL (libpq); give `path` for the embedded store instead.");
}

}  // namespace hw::store

#endif
