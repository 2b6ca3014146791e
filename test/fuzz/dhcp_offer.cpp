// What a DHCP server, or whoever answers in its place, says to the probe.

#include "fuzz.hpp"
#include "health/dhcp_message.hpp"

using fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    fuzz::Input input{bytes, size};
    auto const transaction = input.take<std::uint32_t>();
    auto const text = input.rest();
    health::Datagram const answer(text.begin(), text.end());
    auto const offered = health::parse_dhcp_offer(answer, transaction);
    must(offered.has_value() || !offered.error().context.empty(), "a refusal is a sentence");
    if (!offered) return 0;
    auto const asked = health::dhcp_discover(transaction, {});
    must(std::equal(asked.begin() + 4, asked.begin() + 8, answer.begin() + 4),
         "the offer answers the question");
    must(std::equal(asked.begin() + 28, asked.begin() + 34, answer.begin() + 28), "and is for its client");
    must(offered->bits != 0, "an address was offered");
    must(!health::parse_dhcp_offer(asked, transaction).has_value(), "a question is no offer");
    return 0;
}
