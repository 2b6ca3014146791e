#include "config/podman_args.hpp"

#include "config/yaml.hpp"

#include <algorithm>

namespace config {
namespace {

constexpr std::string_view kSpace = " \t";

struct Option {
    std::string_view name, instead;
};
constexpr auto kNetwork = "whether a container is privileged says which network it has";
constexpr auto kPublish = "PublishPort says what is published";
constexpr auto kPod = "this document has no pods";
constexpr Option kDecidedElsewhere[] = {{"--network", kNetwork},
                                        {"--net", kNetwork},
                                        {"--publish", kPublish},
                                        {"--publish-all", kPublish},
                                        {"--pod", kPod},
                                        {"--pod-id-file", kPod},
                                        {"--name", "ContainerName says how podman calls it"}};

std::string_view instead_of(std::string_view word) {
    auto const name = word.substr(0, word.find('='));
    for (auto const& option : kDecidedElsewhere)
        if (name == option.name) return option.instead;
    // Short options can stand together, as in -itp 80:80; podman's -p and -P publish.
    bool const is_short = name.size() > 1 && name[0] == '-' && name[1] != '-';
    return is_short && name.find_first_of("pP") != name.npos ? kPublish : std::string_view{};
}

}   // namespace

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    bool in_word = false;
    char quote = 0;
    for (char const c : line) {
        if (quote == 0 && kSpace.find(c) != kSpace.npos) {
            in_word = false;
            continue;
        }
        if (!in_word) words.emplace_back();
        in_word = true;
        if (c == quote)
            quote = 0;
        else if (quote == 0 && (c == '"' || c == '\''))
            quote = c;
        else
            words.back() += c;
    }
    return words;
}

std::optional<std::string> refusal_of_podman_args(std::string_view line) {
    if (line.find('\\') != line.npos) return "must not have a backslash in it";
    for (auto const& word : words_of(line))
        if (auto const instead = instead_of(word); !instead.empty())
            return shown(word) + " is refused, because " + std::string{instead};
    return std::nullopt;
}

std::optional<std::string> refusal_of_exec(std::string_view line) {
    for (auto const& word : words_of(line))
        if (auto why = refusal_of_word(word)) return why;
    return std::nullopt;
}

std::optional<std::string> refusal_of_word(std::string_view word) {
    if (word.empty()) return "must not have an empty word, with which Quadlet ends the command";
    if (word == ";") return "must not have ; as a word, with which systemd ends the command";
    return std::nullopt;
}

}   // namespace config
