#include "core/state_file.hpp"

#include "core/files.hpp"

namespace core {
namespace {
constexpr std::size_t kLongest = 1024 * 1024;
}

Result<std::optional<json::object>> StateFile::read() const {
    auto const text = read_file(path_, kLongest);
    if (!text && text.error().is(Errc::not_found)) return std::optional<json::object>{};
    if (!text && !text.error().is(Errc::too_large)) return fail(text, "reading state");

    auto object = text ? parse_json_object(*text) : Result<json::object>{text.error()};
    std::string why = object ? "" : object.error().context;
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
