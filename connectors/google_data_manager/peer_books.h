#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "connectors/google_data_manager/peer_rules.h"

namespace hw::sandbox::data_manager {

/// What the platform makes of requests it took: judged half an hour after they came, kept as conversions, told by
/// counts.
class Books {
 public:
  explicit Books(World& world) : world_(world) {}

  /// Takes a request at world.now and gives its id.
  std::string take(Ingestion ingestion);
  /// Judges every request whose time has come.
  void process(Timestamp now);
  [[nodiscard]] Timestamp next() const;
  /// Body of requestStatus:retrieve; nullopt for an id that was never given.
  [[nodiscard]] std::optional<nlohmann::json> status(const std::string& id) const;
  [[nodiscard]] std::vector<Belief> believed() const;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  ///< account, action, transactionId

  struct Conversion {
    std::string state;  ///< as Belief::state
    std::string click_type, click_value;
    Timestamp at;
    std::string currency;
    std::int64_t micros = 0;
    int count = 1;
  };
  struct Entry {
    Event event;
    bool repeats_unsettled = false;  ///< another of its transaction id was still being processed when this came
  };
  /// The part of a request that goes to one destination.
  struct Batch {
    Ingestion::Destination destination;
    std::vector<Entry> entries;
    std::map<std::string, std::size_t> errors;
    bool done = false;
  };
  struct Request {
    std::string id;
    Timestamp received;
    std::vector<Batch> batches;
  };
  /// The click an event belongs to, or the reason why there is none.
  struct Match {
    const AdClick* click = nullptr;
    std::string refusal;
  };

  [[nodiscard]] bool waits(const Ingestion::Destination& d, const Event& e) const;
  void settle(Batch& batch, Timestamp received);
  std::string judge_entry(const Entry& entry, const Ingestion::Destination& d, Timestamp received);
  void restate(Conversion& conversion, const Event& e, const AdAction& action);
  [[nodiscard]] Match match(const Event& e, const AdAction& action, Timestamp received) const;
  [[nodiscard]] const AdClick* by_user_data(const Event& e, const AdAction& action, Timestamp received) const;
  [[nodiscard]] std::string refusal(const Event& e, const AdAction& action, Timestamp received) const;
  [[nodiscard]] bool collides(const Key& key, const Conversion& c) const;
  [[nodiscard]] bool click_is_used(const Key& key, const Conversion& c) const;

  World& world_;
  std::vector<Request> requests_;
  std::map<std::string, std::size_t> by_id_;
  std::size_t first_open_ = 0;  ///< requests before it are judged
  std::map<Key, Conversion> conversions_;
};

}  // namespace hw::sandbox::data_manager
