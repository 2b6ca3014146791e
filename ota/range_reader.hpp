#pragma once
// Bytes of a bundle from a network that is slow or breaks: a lost connection is taken up again where it
// ended.

#include "ota/bundle.hpp"

namespace ota {

class RangeReader {
public:
    RangeReader(core::HttpClient& http,
                core::Clock& clock,
                BundleSource source,
                BundleHead head,
                Patience patience);

    // What is read next begins at `offset`; the request reaches to `end`. Does nothing if that is where the
    // last request has come to. Errors: those of open_range, once it is not worth another attempt.
    Task<Result<void>> begin(std::uint64_t offset, std::uint64_t end);

    // Fills `into`, which ends at the request's end at most. Errors: unreachable, timed_out (patience is at
    // its end), and those of begin.
    Task<Result<void>> read(std::span<std::byte> into);

    // A small range at once. Errors: the same.
    Task<Result<std::string>> fetch(std::uint64_t offset, std::uint64_t end);

    std::uint64_t received() const noexcept { return received_; }

private:
    Task<Result<void>> open();
    Task<Result<void>> after_failure(core::Error why);
    bool asks_to_come_back() const;
    std::optional<core::Error> too_slow();
    void count(std::uint64_t bytes, core::Duration waited);

    core::HttpClient& http_;
    core::Clock& clock_;
    BundleSource source_;
    BundleHead head_;
    Patience patience_;
    std::unique_ptr<core::HttpStream> stream_;
    std::uint64_t at_ = 0;
    std::uint64_t end_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t since_failure_ = 0;   // bytes
    unsigned failures_ = 0;             // in a row
    std::uint64_t in_window_ = 0;       // bytes, for the rate
    core::Duration waited_{};   // in the window; the time that the slot's storage takes does not count
};

}   // namespace ota
