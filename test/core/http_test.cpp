#include "core/http.hpp"

#include "support/run_task.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

using core::Errc;
using core::Result;
using core::Task;

namespace {

// Gives its body in pieces of the given size; fails after them with `error`, if there is one.
class Body final : public core::HttpStream {
public:
    Body(std::string text, std::size_t piece, std::optional<core::Error> error = {})
        : rest_{std::move(text)}, piece_{piece}, error_{std::move(error)} {}

    core::HttpHead const& head() const override { return head_; }
    Task<Result<std::size_t>> read(std::span<std::byte> into) override {
        if (rest_.empty() && error_) co_return *error_;
        auto const n = std::min({piece_, into.size(), rest_.size()});
        std::memcpy(into.data(), rest_.data(), n);
        rest_.erase(0, n);
        co_return n;
    }

private:
    core::HttpHead head_;
    std::string rest_;
    std::size_t piece_;
    std::optional<core::Error> error_;
};

Result<std::string> read_all(Body& body, std::size_t limit) {
    core::asio::io_context io;
    return test::run_task(io, core::read_all(body, limit));
}

}   // namespace

TEST_CASE("a body in any number of pieces is read to its end") {
    std::string const text(100'000, 'x');
    for (std::size_t const piece : {1000u, 16'384u, 1'000'000u}) {
        CAPTURE(piece);
        Body body{text, piece};
        CHECK(*read_all(body, text.size()) == text);
    }
    Body empty{"", 1};
    CHECK(*read_all(empty, 0) == "");
}

TEST_CASE("a body one byte over the limit is too large") {
    Body body{"12345", 2};
    auto const got = read_all(body, 4);
    REQUIRE(!got);
    CHECK(got.error().is(Errc::too_large));
}

TEST_CASE("a body lost in mid-stream is an error, not a shorter body") {
    Body body{"12345", 5, core::fail(Errc::unreachable, "connection reset")};
    auto const got = read_all(body, 100);
    REQUIRE(!got);
    CHECK(got.error().is(Errc::unreachable));
    CHECK(got.error().context == "connection reset; while reading the reply");
}
