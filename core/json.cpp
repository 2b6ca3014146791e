#include "core/json.hpp"

#include <boost/json/src.hpp>

namespace core {
namespace {

void print(std::string& out, json::value const& value, std::string const& indent) {
    auto const deeper = indent + "  ";
    if (auto const* object = value.if_object(); object && !object->empty()) {
        char const* separator = "{\n";
        for (auto const& [key, member] : *object) {
            out += separator + deeper + json::serialize(json::value(key)) + ": ";
            print(out, member, deeper);
            separator = ",\n";
        }
        out += '\n' + indent + '}';
    } else if (auto const* array = value.if_array(); array && !array->empty()) {
        char const* separator = "[\n";
        for (auto const& member : *array) {
            out += separator + deeper;
            print(out, member, deeper);
            separator = ",\n";
        }
        out += '\n' + indent + ']';
    } else {
        out += json::serialize(value);
    }
}

Result<json::value> parsed(std::string_view text) {
    json::error_code failed;
    auto value = json::parse(json::string_view{text.data(), text.size()}, failed);
    if (failed) return fail(Errc::bad_input, "not JSON: " + failed.message());
    return value;
}

}   // namespace

Result<json::object> parse_json_object(std::string_view text) {
    auto value = parsed(text);
    if (!value) return value.error();
    if (!value->is_object()) return fail(Errc::bad_input, "not a JSON object");
    return std::move(value->as_object());
}

Result<json::array> parse_json_array(std::string_view text) {
    auto value = parsed(text);
    if (!value) return value.error();
    if (!value->is_array()) return fail(Errc::bad_input, "not a JSON list");
    return std::move(value->as_array());
}

std::optional<std::string> string_in(json::object const& object, std::string_view key) {
    auto const* value = object.if_contains({key.data(), key.size()});
    if (!value || !value->is_string()) return std::nullopt;
    return std::string{value->as_string().c_str(), value->as_string().size()};
}

std::optional<std::int64_t> integer_in(json::object const& object, std::string_view key) {
    auto const* value = object.if_contains({key.data(), key.size()});
    if (!value) return std::nullopt;
    boost::system::error_code failed;
    auto const number = value->to_number<std::int64_t>(failed);
    if (failed) return std::nullopt;
    return number;
}

json::array texts(std::vector<std::string> const& texts) {
    json::array made;
    for (auto const& text : texts) made.emplace_back(text);
    return made;
}

std::vector<std::string> texts_in(json::object const& object, std::string_view key) {
    std::vector<std::string> found;
    auto const* list = object.if_contains({key.data(), key.size()});
    if (!list || !list->is_array()) return found;
    for (auto const& value : list->as_array())
        if (value.is_string()) found.emplace_back(value.as_string().c_str(), value.as_string().size());
    return found;
}

std::string print_json(json::value const& value) {
    std::string out;
    print(out, value, "");
    return out + '\n';
}

}   // namespace core
