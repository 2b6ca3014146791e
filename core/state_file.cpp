#include "core/state_file.hpp"

#include "core/files.hpp"

namespace core {
namespace {
constexpr std::size_t kLongest = 1024 * 1024;
constexpr int kMoreAttempts = 2;
}   // namespace

Result<std::optional<json::object>> StateFile::read() const {
    auto text = read_file(path_, kLongest);
    if (!text && text.error().is(Errc::not_found)) return std::optional<json::object>{};
    // What a medium could not give may come at the second attempt; what nobody can read is set aside, or the
    // next write would put something empty in its place.
    for (int again = 0; !text && !text.error().is(Errc::too_large) && again < kMoreAttempts; ++again)
        text = read_file(path_, kLongest);

    auto object = text ? parse_json_object(*text) : Result<json::object>{text.error()};
    std::string why = text ? "" : text.error().text();
    if (text && !object) why = object.error().context;
    if (object) {
        auto const schema = integer_in(*object, "schema").value_or(0);
        if (schema >= 1 && schema <= schema_) return std::optional{std::move(*object)};
        why = "schema " + std::to_string(schema) + " is not known here";
    }

    auto aside = path_;
    aside += ".broken";
    std::error_code failed;
    std::filesystem::rename(path_, aside, failed);
    auto const where =
        failed ? "could not be set aside: " + failed.message() : "set aside as " + aside.filename().string();
    return fail(Errc::bad_input, path_.string() + " is unreadable (" + why + "), " + where);
}

Result<void> StateFile::write(json::object content) const {
    json::object out;
    out["schema"] = schema_;
    for (auto& [key, value] : content)
        if (key != "schema") out[key] = std::move(value);   // what was read may be of an older schema
    return replace_file(path_, print_json(out), 0600);
}

Result<void> StateFile::remove() const {
    return remove_file(path_);
}

}   // namespace core
