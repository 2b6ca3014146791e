#include "core/http.hpp"

namespace core {

Task<Result<std::string>> read_all(HttpStream& stream, std::size_t limit) {
    std::string body;
    std::vector<std::byte> piece(16 * 1024);
    for (;;) {
        std::span<std::byte> const room{piece};
        auto const got = co_await stream.read(room);
        if (!got) co_return fail(got, "reading the reply");
        if (*got == 0) co_return body;
        if (body.size() + *got > limit)
            co_return fail(Errc::too_large, "the reply is longer than " + std::to_string(limit) + " bytes");
        body.append(reinterpret_cast<char const*>(piece.data()), *got);
    }
}

}   // namespace core
