#pragma once
// PodmanArgs and Exec of a container: words that end up on podman's command line, and what may not be among
// them. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace config {

// A line in words, without its quotes. A backslash stands for itself.
std::vector<std::string> words_of(std::string_view line);

// Why a line of PodmanArgs is refused; nothing when it is not. The network, the published ports, the pod and
// the name of a container are decided elsewhere, and an option would win over that. No value of an option is
// in the sentence: it may be a secret.
std::optional<std::string> refusal_of_podman_args(std::string_view line);

// Why Exec cannot be this. Quadlet 5.4 loses an empty word and all that follow it (split.go,
// extractFirstWord), and puts `;` on systemd's command line without quotes, where it ends the command.
std::optional<std::string> refusal_of_exec(std::string_view line);
std::optional<std::string> refusal_of_word(std::string_view word);

}   // namespace config
