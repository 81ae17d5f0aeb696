#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace hw::cli {

/// How this process was called, options that every command needs included ("headwater -c other.yaml"), and the words
/// that are commands. What a wrapper script says in HEADWATER_COMMAND stands in its place.
void called_as(std::string call, std::vector<std::string> commands);

/// `text` with the commands that it names ("headwater uploads list") as this process was called: what is printed for a
/// person works when it is pasted.
std::string pasteable(std::string_view text);

/// A word as a shell reads it: quoted where it needs to be.
std::string shell_word(const std::string& word);

}  // namespace hw::cli
