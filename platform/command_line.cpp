#include "platform/command_line.hpp"

#include <sstream>

namespace platform {

std::optional<std::string> value_in_command_line(std::string_view line, std::string_view key) {
    std::optional<std::string> value;
    std::istringstream words{std::string{line}};
    for (std::string word; words >> word;)
        if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=')
            value = word.substr(key.size() + 1);
    return value;
}

}   // namespace platform
