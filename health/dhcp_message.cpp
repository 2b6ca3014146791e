#include "health/dhcp_message.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace health {
namespace {

using core::Errc;
using core::fail;

// Where a field begins (RFC 2131, figure 1).
constexpr std::size_t kTransaction = 4, kYourAddress = 16, kRelay = 24, kHardware = 28, kCookie = 236,
                      kOptions = 240;
constexpr std::size_t kShortest = 300;   // of a request: RFC 1542, 2.1

constexpr std::uint8_t kRequest = 1, kReply = 2, kEthernet = 1;
constexpr std::uint8_t kPad = 0, kMessageType = 53, kEnd = 255;
constexpr std::uint8_t kDiscover = 1, kOffer = 2;
constexpr std::array<std::uint8_t, 4> kMagic{99, 130, 83, 99};
constexpr std::array<std::uint8_t, 6> kClient{0x02, 'A', 't', 'o', 'm', 0x01};

void put(Datagram& message, std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) message[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

std::uint32_t get(Datagram const& message, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | message[at + i];
    return value;
}

template <class Bytes> bool has(Datagram const& message, std::size_t at, Bytes const& bytes) {
    return std::ranges::equal(
        bytes, std::ranges::subrange(message.begin() + static_cast<std::ptrdiff_t>(at),
                                     message.begin() + static_cast<std::ptrdiff_t>(at + bytes.size())));
}

// Of the options; nothing when there is none, or they do not end where they say.
std::optional<std::uint8_t> message_type(Datagram const& message) {
    for (auto at = kOptions; at < message.size();) {
        auto const code = message[at++];
        if (code == kPad) continue;
        if (code == kEnd || at == message.size()) break;
        std::size_t const length = message[at++];
        if (length > message.size() - at) break;
        if (code == kMessageType) {
            if (length != 1) break;
            return message[at];
        }
        at += length;
    }
    return std::nullopt;
}

}   // namespace

Datagram dhcp_discover(std::uint32_t transaction, core::Ipv4 relay) {
    Datagram message(kShortest);
    message[0] = kRequest;
    message[1] = kEthernet;
    message[2] = kClient.size();
    message[3] = 1;   // hops: through one relay
    put(message, kTransaction, transaction);
    put(message, kRelay, relay.bits);
    std::ranges::copy(kClient, message.begin() + kHardware);
    std::ranges::copy(kMagic, message.begin() + kCookie);
    std::uint8_t const options[] = {kMessageType, 1, kDiscover, kEnd};
    std::ranges::copy(options, message.begin() + kOptions);
    return message;
}

core::Result<core::Ipv4> parse_dhcp_offer(Datagram const& answer, std::uint32_t transaction) {
    if (answer.size() < kOptions || !has(answer, kCookie, kMagic))
        return fail(Errc::bad_input, "the answer is not a DHCP message");
    if (answer[0] != kReply || answer[1] != kEthernet || answer[2] != kClient.size() ||
        get(answer, kTransaction) != transaction || !has(answer, kHardware, kClient))
        return fail(Errc::bad_input, "the answer is not one to the question");
    auto const type = message_type(answer);
    if (!type) return fail(Errc::bad_input, "the answer has no message type");
    if (*type != kOffer)
        return fail(Errc::bad_input, "the answer is no offer, its message type is " + std::to_string(*type));
    core::Ipv4 const offered{get(answer, kYourAddress)};
    if (offered.bits == 0) return fail(Errc::bad_input, "the answer offers no address");
    return offered;
}

}   // namespace health
