#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "settings/load.h"
#include "settings/test_connectors.h"

/// Any bytes as a main file; after a line "#--" they are the file that its `include:` names. Whatever comes, the answer
/// is settings or errors that each have a place and a message.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hw::settings;
  static const hw::connect::Registry kRegistry = test_registry();
  const std::string all(reinterpret_cast<const char*>(data), size);
  const auto part = all.find("\n#--\n");
  const std::string second = part == std::string::npos ? "" : all.substr(part + 5);
  const Include include = [&](const std::string&, const Mark&, auto&, auto&) {
    return std::vector<Document>{{"included.yaml", second}};
  };
  const LoadOptions options{.credentials_directory = "", .resolve_secrets = false};
  const auto loaded = load_text({"main.yaml", all.substr(0, part)}, "", include, kRegistry, options);
  if (const auto* errors = std::get_if<std::vector<OptionError>>(&loaded)) {
    if (errors->empty()) std::abort();
    for (const OptionError& e : *errors) {
      if (e.message.empty() || e.at.line < 1 || e.at.column < 1) std::abort();
    }
  }
  return 0;
}
