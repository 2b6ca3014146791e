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

// podman-run(1), podman 5.4: whose value is the rest of the word, or the next one. Those without, which can
// stand before others in one word, are d, i, q, t and P.
constexpr std::string_view kShortWithValue = "acehlmpuvw";

struct Refusal {
    std::string_view option, instead;   // the option without its value, which may be a secret
};

std::optional<Refusal> refused_long(std::string_view word) {
    auto const name = word.substr(0, word.find('='));
    for (auto const& option : kDecidedElsewhere)
        if (name == option.name) return Refusal{name, option.instead};
    return std::nullopt;
}

// As pflag reads -itp80:80, -ePASSWORD=x, -t=false.
std::optional<Refusal> refused_short(std::string_view word) {
    for (std::size_t at = 1; at < word.size() && word[at] != '='; ++at) {
        bool const publishes = word[at] == 'p' || word[at] == 'P';
        if (publishes) return Refusal{word.substr(0, at + 1), kPublish};
        if (kShortWithValue.find(word[at]) != kShortWithValue.npos) break;
    }
    return std::nullopt;
}

// A word that is another option's value (-e --pod) is looked at all the same: that refuses too much, never
// too little.
std::optional<Refusal> refused(std::string_view word) {
    if (word.starts_with("--")) return refused_long(word);
    return word.starts_with('-') ? refused_short(word) : std::nullopt;
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
        if (auto const it = refused(word))
            return shown(it->option) + " is refused, because " + std::string{it->instead};
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
