#include "ota/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace ota {

using core::Errc;
using core::Error;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t kLimit = 64 * 1024;
constexpr std::string_view kBlank = " \t\v\f\r";

struct Group {
    std::string name;
    std::map<std::string, std::string, std::less<>> keys;
};

std::string_view trim_left(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
    return text;
}
std::string_view trim_right(std::string_view text) {
    return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

// GKeyFile's escapes: \s \n \t \r \\.
std::optional<std::string> unescape(std::string_view raw) {
    static constexpr std::string_view kLetters = "sntr\\";
    static constexpr std::string_view kMeaning = " \n\t\r\\";
    std::string text;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\') {
            text += raw[i];
            continue;
        }
        auto const which = ++i < raw.size() ? kLetters.find(raw[i]) : std::string_view::npos;
        if (which == std::string_view::npos) return std::nullopt;
        text += kMeaning[which];
    }
    return text;
}

std::string place(std::string_view group, std::string_view key) {
    return "[" + std::string{group} + "] " + std::string{key};
}

Result<void> add_line(std::vector<Group>& groups, std::string_view line) {
    if (line.front() == '[') {
        line = trim_right(line);
        if (line.size() < 3 || line.back() != ']')
            return fail(Errc::bad_input, "a group header without its end");
        std::string name{line.substr(1, line.size() - 2)};
        if (name.find_first_of("[]") != std::string::npos)
            return fail(Errc::bad_input, "a group header with [ or ]");
        if (std::ranges::find(groups, name, &Group::name) != groups.end())
            return fail(Errc::bad_input, "[" + name + "] occurs twice");
        groups.push_back({.name = std::move(name), .keys = {}});
        return {};
    }
    auto const equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0)
        return fail(Errc::bad_input, "a line that is no group, key or comment");
    if (groups.empty()) return fail(Errc::bad_input, "a key before the first group");
    std::string key{trim_right(line.substr(0, equals))};
    auto value = unescape(trim_left(line.substr(equals + 1)));
    auto& group = groups.back();
    if (!value) return fail(Errc::bad_input, place(group.name, key) + " has an unknown escape");
    if (!group.keys.emplace(key, std::move(*value)).second)
        return fail(Errc::bad_input, place(group.name, key) + " occurs twice");
    return {};
}

Result<std::vector<Group>> parse_groups(std::string_view text) {
    std::vector<Group> groups;
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto const end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        line = trim_left(line);
        if (line.empty() || line.front() == '#') continue;
        if (auto ok = add_line(groups, line); !ok)
            return fail(Errc::bad_input,
                        "manifest line " + std::to_string(number) + ": " + ok.error().context);
    }
    return groups;
}

// Takes keys out of one group; what is left at the end is unknown.
class GroupKeys {
public:
    explicit GroupKeys(Group group) : group_{std::move(group)} {}

    std::optional<std::string> take(std::string_view key) {
        auto const found = group_.keys.find(key);
        if (found == group_.keys.end()) return std::nullopt;
        auto value = std::move(found->second);
        group_.keys.erase(found);
        return value;
    }
    Result<std::string> need(std::string_view key) {
        auto value = take(key);
        if (!value || value->empty()) return bad(key, "is missing");
        return std::move(*value);
    }
    Result<core::Sha256> need_digest(std::string_view key) {
        auto const text = need(key);
        if (!text) return text.error();
        auto const digest = core::sha256_from_hex(*text);
        if (!digest) return bad(key, "must be 64 hexadecimal digits");
        return *digest;
    }
    Result<std::uint64_t> need_size(std::string_view key) {
        auto const text = need(key);
        if (!text) return text.error();
        std::uint64_t size = 0;
        auto const [end, wrong] = std::from_chars(text->data(), text->data() + text->size(), size);
        if (wrong != std::errc{} || end != text->data() + text->size() || size == 0)
            return bad(key, "must be a positive decimal number of bytes");
        return size;
    }
    void ignore(std::initializer_list<std::string_view> keys) {
        for (auto key : keys) take(key);
    }
    Result<void> refuse(std::string_view key, std::string_view why) {
        if (!take(key)) return {};
        return fail(Errc::refused, place(group_.name, key) + ": " + std::string{why});
    }
    Result<void> none_left() const {
        if (group_.keys.empty()) return {};
        return bad(group_.keys.begin()->first, "is not known");
    }
    Error bad(std::string_view key, std::string_view what) const {
        return fail(Errc::bad_input, "manifest: " + place(group_.name, key) + " " + std::string{what});
    }

private:
    Group group_;
};

Result<void> take_update(GroupKeys keys, Manifest& manifest) {
    auto compatible = keys.need("compatible");
    if (!compatible) return compatible.error();
    auto version = keys.need("version");
    if (!version) return version.error();
    if (!is_version(*version)) return keys.bad("version", "must be 1 to 128 of A-Z a-z 0-9 . _ - +");
    manifest.compatible = std::move(*compatible);
    manifest.version = std::move(*version);
    keys.ignore({"description", "build", "min-rauc-version"});   // for people and for RAUC
    return keys.none_left();
}

Result<void> take_bundle(GroupKeys keys, Manifest& manifest) {
    auto const format = keys.take("format").value_or("plain");   // RAUC's default
    if (format == "plain")
        return fail(Errc::refused, "plain bundles are refused; make it with format=verity");
    if (format == "crypt") return fail(Errc::refused, "encrypted bundles are not supported");
    if (format != "verity") return keys.bad("format", "must be verity");
    auto const hash = keys.need_digest("verity-hash");
    if (!hash) return hash.error();
    auto const salt = keys.need_digest("verity-salt");
    if (!salt) return salt.error();
    auto const size = keys.need_size("verity-size");
    if (!size) return size.error();
    if (*size % 4096 != 0) return keys.bad("verity-size", "must be a multiple of 4096");
    manifest.verity_hash = *hash;
    manifest.verity_salt = *salt;
    manifest.verity_size = *size;
    return keys.none_left();
}

Result<void> take_image(GroupKeys keys, Image& image) {
    if (auto ok = keys.refuse("hooks", "hooks in bundles are not run on this device"); !ok) return ok;
    if (auto ok = keys.refuse("convert", "images are written as they are"); !ok) return ok;
    if (auto ok = keys.refuse("converted", "images are written as they are"); !ok) return ok;
    auto filename = keys.need("filename");
    if (!filename) return filename.error();
    if (filename->find_first_of("/\\") != std::string::npos || filename->find('\0') != std::string::npos ||
        *filename == "." || *filename == "..")
        return keys.bad("filename", "must be a name without a path");
    auto const sha256 = keys.need_digest("sha256");
    if (!sha256) return sha256.error();
    auto const size = keys.need_size("size");
    if (!size) return size.error();
    if (keys.take("type").value_or("raw") != "raw")
        return fail(Errc::refused, "manifest: only images of type raw can be written here");
    image = {.filename = std::move(*filename), .sha256 = *sha256, .size = *size};
    // "adaptive" only says how less could be fetched; the other three are RAUC's legacy and mean nothing
    // there either.
    keys.ignore({"adaptive", "version", "description", "build"});
    return keys.none_left();
}

Result<void> take_group(Group group, Manifest& manifest) {
    auto const name = group.name;
    if (name == "update") return take_update(GroupKeys{std::move(group)}, manifest);
    if (name == "bundle") return take_bundle(GroupKeys{std::move(group)}, manifest);
    if (name == "image.boot") return take_image(GroupKeys{std::move(group)}, manifest.boot);
    if (name == "image.rootfs") return take_image(GroupKeys{std::move(group)}, manifest.rootfs);
    if (name == "meta.atomix") {
        auto release = parse_release(group.keys);
        if (!release) return release.error();
        manifest.release = std::move(*release);
        return {};
    }
    if (name == "rollout" || name.starts_with("meta.")) return {};
    if (name == "handler" || name == "hooks")
        return fail(Errc::refused,
                    "manifest: [" + name + "]: programs in bundles are not run on this device");
    if (name.starts_with("image."))
        return fail(Errc::refused,
                    "manifest: [" + name + "]: this device takes image.boot and image.rootfs only");
    auto const key = group.keys.empty() ? std::string{} : " with key " + group.keys.begin()->first;
    return fail(Errc::bad_input, "manifest: [" + name + "]" + key + " is not known");
}

}   // namespace

bool is_version(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '_' || c == '-' || c == '+';
    });
}

Result<Manifest> parse_manifest(std::string_view text) {
    if (text.size() > kLimit) return fail(Errc::bad_input, "the manifest is longer than 64 KiB");
    if (text.find('\0') != std::string_view::npos)
        return fail(Errc::bad_input, "the manifest holds a zero byte");
    auto groups = parse_groups(text);
    if (!groups) return groups.error();
    for (auto const* name : {"update", "bundle", "image.boot", "image.rootfs"}) {
        if (std::ranges::find(*groups, name, &Group::name) != groups->end()) continue;
        // RAUC leaves [bundle] out for plain ones
        if (std::string_view{name} == "bundle")
            return fail(Errc::refused, "plain bundles are refused; make it with format=verity");
        return fail(Errc::bad_input, "manifest: [" + std::string{name} + "] is missing");
    }
    Manifest manifest;
    for (auto& group : *groups)
        if (auto ok = take_group(std::move(group), manifest); !ok) return ok.error();
    return manifest;
}

}   // namespace ota
