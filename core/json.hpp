#pragma once
// JSON by Boost.JSON, header-only (compiled once in json.cpp).

#include "core/result.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace core {

namespace json = boost::json;

// The whole text must be one JSON object. Errors: bad_input, with the parser's words.
Result<json::object> parse_json_object(std::string_view text);
// The same of one JSON list.
Result<json::array> parse_json_array(std::string_view text);

// The member if it is there and a string / an integer.
std::optional<std::string> string_in(json::object const& object, std::string_view key);
std::optional<std::int64_t> integer_in(json::object const& object, std::string_view key);

// A list of texts, and back: empty if it is none, without what is no text in it.
json::array texts(std::vector<std::string> const& texts);
std::vector<std::string> texts_in(json::object const& object, std::string_view key);

// Indented by two spaces, keys in the order given: for people and for `diff`.
std::string print_json(json::value const& value);

}   // namespace core
