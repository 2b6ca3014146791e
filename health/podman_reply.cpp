#include "health/podman_reply.hpp"

#include "core/json.hpp"
#include "core/one_line.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace health {
namespace {

namespace json = core::json;
using core::Errc;
using core::fail;
using core::Result;

constexpr std::size_t kLongestWords = 300;
constexpr std::size_t kLongestFact = 100;   // a state, a health, an id of 64 digits
constexpr unsigned kNotFound = 404;
constexpr unsigned kConflict = 409;

// One entry of a list; remembers the first key that it lacks.
class Entry {
public:
    explicit Entry(json::object const& object) : object_{object} {}

    std::string text(char const* key) {
        auto found = core::string_in(object_, key);
        return found ? *std::move(found) : (lacks(key), std::string{});
    }
    // Of what goes into the status.
    std::string fact(char const* key) { return core::one_line(text(key), kLongestFact); }
    template <class Number> Number number(char const* key) {
        auto const found = core::integer_in(object_, key);
        if (found && std::in_range<Number>(*found)) return static_cast<Number>(*found);
        lacks(key);
        return 0;
    }
    // What podman may leave out, or give as null.
    std::string optional_text(char const* key) const { return core::string_in(object_, key).value_or(""); }
    std::vector<std::string> texts(char const* key) const { return core::texts_in(object_, key); }

    void lacks(char const* key) {
        if (lacking_.empty()) lacking_ = key;
    }
    std::string const& lacking() const { return lacking_; }

private:
    json::object const& object_;
    std::string lacking_;
};

template <class T>
Result<std::vector<T>>
entries(std::string_view reply, std::string const& what, std::function<T(Entry&)> read) {
    auto const list = core::parse_json_array(reply);
    if (!list) return fail(Errc::bad_input, "podman's list of " + what + " is " + list.error().context);
    std::vector<T> found;
    for (auto const& value : *list) {
        auto const bad = [&](std::string const& why) {
            return fail(Errc::bad_input, "podman's list of " + what + " cannot be read: number " +
                                             std::to_string(found.size() + 1) + " " + why);
        };
        auto const* const object = value.if_object();
        if (!object) return bad("is no object");
        Entry entry{*object};
        auto made = read(entry);
        if (!entry.lacking().empty()) return bad("has no usable " + entry.lacking());
        found.push_back(std::move(made));
    }
    return found;
}

PodmanContainer container_from(Entry& entry) {
    PodmanContainer made{.name = {},
                         .state = entry.fact("State"),
                         .health =
                             core::one_line(entry.optional_text("Status"),
                                            kLongestFact),   // the check's word, not podman ps' sentence
                         .image = entry.text("Image"),
                         .image_id = entry.fact("ImageID"),
                         .restarts = entry.number<unsigned>("Restarts"),
                         .exit_code = entry.number<int>("ExitCode")};
    auto names = entry.texts("Names");
    if (names.empty())
        entry.lacks("Names");
    else
        made.name = std::move(names.front());
    return made;
}

PodmanImage image_from(Entry& entry) {
    PodmanImage made{.id = entry.text("Id"), .names = entry.texts("Names")};
    for (auto& digest : entry.texts("RepoDigests"))
        if (std::ranges::find(made.names, digest) == made.names.end())
            made.names.push_back(std::move(digest));
    return made;
}

// In one line, and not endless: it goes into the log and the status.
std::string words_in(std::string_view reply) {
    auto const object = core::parse_json_object(reply);
    auto const words = object ? core::string_in(*object, "message").value_or("") : std::string{};
    return core::one_line(words, kLongestWords);
}

}   // namespace

Result<std::vector<PodmanContainer>> parse_containers(std::string_view reply) {
    return entries<PodmanContainer>(reply, "containers", container_from);
}

Result<std::vector<PodmanImage>> parse_images(std::string_view reply) {
    return entries<PodmanImage>(reply, "images", image_from);
}

core::Error refusal_of(unsigned status, std::string_view reply) {
    auto const words = words_in(reply);
    auto const code = status == kNotFound ? Errc::not_found : status == kConflict ? Errc::refused : Errc::io;
    return fail(code, "podman answered " + std::to_string(status) + (words.empty() ? "" : ": " + words));
}

}   // namespace health
