#include <fmt/format.h>
#include <fmt/ranges.h>

#include "settings/declarations.h"
#include "settings/scalars.h"
#include "settings/settings.h"

namespace hw::settings {
namespace {

using connect::OptionDecl;
using connect::OptionType;

constexpr const char* kIntroduction = R"(# Configuration reference

This page is made from the declarations that also read the files (`headwater schema --format markdown`): do not edit it.

## Files

One main file, `headwater.yaml`, holds everything but the connectors. Each connector instance has a file of its own, named by
`include: connectors.d/*.yaml`. Such a file begins with the instance's name; its type and options are indented below:

```yaml
crm_export:
  type: csv
  pull_every: 5m
```

Instances may also stand in the main file under `connectors:`. Relative paths, in `include:` and in every option that is a
path, begin at the main file's directory. YAML aliases are not read. `headwater check -c headwater.yaml` shows every error of
all files with its place and the mend, without network; `--online` signs in as well. For completion in an editor, put
`# yaml-language-server: $schema=schema.json` into the first line of a file.

Durations are written `30s`, `5m`, `1h`, `7d`; sizes `64KiB`, `10MiB`; shares `20%` or `0.2`.

## Secrets

A secret never stands in a file. Where the type below is *secret*, write one of

| form | the secret is |
|---|---|
| `${env:NAME}` | the value of an environment variable |
| `${file:PATH}` | the contents of a file that only its owner can read (`chmod 600`) |
| `${credential:NAME}` | a systemd credential: `LoadCredential=NAME:PATH` in the unit; in a shell or a container the file `secrets/NAME` beside the main file (`chmod 600`) |

A line break at the end of the file or credential is dropped. References are read nowhere else.

## Conditions

`when:`, `route:` and `trigger:` are maps of CRM fields; all entries must hold.

| written | holds when the field |
|---|---|
| `deal_type: new` | equals the value |
| `region: [DE, FR]` | equals one of the values |
| `owner: present`, `owner: absent` | has a value, has none |
| `amount: "> 0"` | is greater; also `>=`, `<`, `<=`, and two bounds: `">= 100 and < 5000"` |
| `closed: ">= 2026-01-31"` | is not before that time; dates begin at 00:00 in the reporting zone |
| `source: not Partner` | does not equal the value (also when it has none) |
| `source: {not: [Partner, Test]}` | equals none of the values (also when it has none) |
| `status: {is: present}` | equals the text, whatever it looks like |

Numbers are compared as decimals, times as instants, everything else byte by byte. A `trigger:` names one field with a value, a
list of values or `present`.
)";

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string default_cell(const OptionDecl& decl) {
  if (decl.required) return "required";
  return decl.default_value && !decl.default_value->empty() ? "`" + *decl.default_value + "`" : "";
}

std::string range_cell(const OptionDecl& decl) {
  const std::string limits = range(decl);
  if (decl.unit.empty()) return limits;
  return limits.empty() ? decl.unit : limits + " " + decl.unit;
}

std::string type_cell(const OptionDecl& decl) {
  if (decl.type != OptionType::choice && !decl.choices.empty()) {
    const char* more = decl.open_keys ? ", or others" : "";
    return fmt::format("{} of {}{}", type_name(decl), fmt::join(decl.choices, ", "), more);
  }
  return type_name(decl);
}

void add_rows(const std::vector<OptionDecl>& decls, const std::string& prefix, std::string& out) {
  for (const OptionDecl& d : decls) {
    out += fmt::format("| `{}{}` | {} | {} | {} | {} |\n", prefix, d.name, cell(type_cell(d)), cell(default_cell(d)),
                       cell(range_cell(d)), cell(d.help));
    const char* inside = d.type == OptionType::group_list ? "[]." : d.type == OptionType::group_map ? ".NAME." : ".";
    add_rows(d.children, prefix + d.name + inside, out);
  }
}

void add_table(const std::vector<OptionDecl>& decls, std::string& out) {
  out += "| option | type | default | range | meaning |\n|---|---|---|---|---|\n";
  add_rows(decls, "", out);
}

void add_section(const OptionDecl& decl, std::string& out) {
  const bool leaf = decl.children.empty();
  out += fmt::format("\n### {}\n\n", decl.name);
  if (leaf) return add_table({decl}, out);
  out += decl.help;
  if (decl.type == OptionType::group_list) out += " A list; each entry has:";
  if (decl.type == OptionType::group_map) out += " Names; under each:";
  out += "\n\n";
  add_table(decl.children, out);
}

const char* maturity(connect::Maturity m) {
  switch (m) {
    case connect::Maturity::wip:
      return "wip";
    case connect::Maturity::alpha:
      return "alpha";
    case connect::Maturity::stable:
      return "stable";
  }
  return "";
}

void add_connector(const connect::ConnectorType& type, std::string& out) {
  out += fmt::format("\n### {}\n\n{}. Roles: {}. Maturity: {}.", type.name, type.title, fmt::join(type.roles, ", "),
                     maturity(type.maturity));
  if (!type.api_version.empty()) out += fmt::format(" API version {}", type.api_version);
  if (!type.api_version_ends.empty()) out += fmt::format(", which ends {}", type.api_version_ends);
  if (!type.api_version.empty()) out += '.';
  out += "\n\n";
  add_table(type.options, out);
  if (type.destination_options.empty()) return;
  out += "\nUnder `options:` of a destination:\n\n";
  add_table(type.destination_options, out);
}

}  // namespace

std::string reference_page(const connect::Registry& registry) {
  std::string out = kIntroduction;
  out += "\n## The main file\n";
  for (const OptionDecl& d : main_sections()) add_section(d, out);
  out += "\n## Connectors\n\nThe options of each type, beside those under `connectors` above.\n";
  for (const connect::ConnectorType& type : registry.types()) add_connector(type, out);
  return out;
}

}  // namespace hw::settings
