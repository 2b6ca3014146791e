// A copy of the boot environment and its description, as other programs or a dying flash may leave them.

#include "ota/uboot_copies.hpp"
#include "fuzz.hpp"

#include <zlib.h>

using fuzz::must;

namespace {

void put_checksum(std::vector<unsigned char>& copy, std::size_t header) {
    if (copy.size() <= header) return;
    auto const sum = ::crc32_z(0, copy.data() + header, copy.size() - header);
    for (int i = 0; i < 4; ++i)
        copy[static_cast<std::size_t>(i)] = static_cast<unsigned char>(sum >> (8 * i));
}

void read_copies(std::string_view text, bool has_flags, bool is_good) {
    std::vector<unsigned char> bytes{text.begin(), text.end()};
    std::size_t const header = has_flags ? 5 : 4;
    if (is_good) put_checksum(bytes, header);
    auto const copy = ota::parse_copy(bytes, has_flags);
    must(!is_good || bytes.size() <= header || copy.variables, "a copy with the right checksum is read");
    must(has_flags || copy.flags == 0, "a single copy has no flags");
    if (!copy.variables) return;
    std::size_t length = 0;
    for (auto const& [name, value] : *copy.variables) {
        must(!name.empty() && name.find('=') == std::string::npos, "a variable's name is one");
        must((name + value).find('\0') == std::string::npos, "a variable ends at its zero byte");
        length += name.size() + value.size() + 1;
    }
    must(length <= text.size(), "variables come from the copy");

    ota::EnvCopy other{.flags = static_cast<std::uint8_t>(text.size()), .variables = copy.variables};
    auto const used = ota::copy_in_use({copy, other});
    must(used && *used < 2, "of two good copies one is used");
    must(ota::variables_in_use({copy, ota::EnvCopy{}}) == *copy.variables, "the only good copy is used");
}

void read_places(std::string_view text) {
    auto const places = ota::parse_copy_places(text);
    must(places.has_value() || !places.error().context.empty(), "a refusal is a sentence");
    if (!places) return;
    must(places->size() == 1 || places->size() == 2, "there are one or two copies");
    for (auto const& place : *places) {
        must(place.size > 6 && place.size <= 16 << 20, "a copy's size is within its limits");
        must(place.size == places->front().size, "two copies are of one size");
        must(!place.device.empty() && !place.text().empty(), "a copy lies somewhere");
    }
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    fuzz::Input input{bytes, size};
    auto const how = input.take<std::uint8_t>();
    read_copies(input.rest(), (how & 1) != 0, (how & 2) != 0);
    read_places(input.rest());
    return 0;
}
