#pragma once
// Ranges of one bundle on a server that may replace it meanwhile: every reply must be of the same file.

#include "ota/bundle.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace ota {

// The error that a reply means, if it is not the 206 that was asked for. Pure.
// Errors: refused ("the server does not support ranges", and refusals), not_found, unreachable (the server is
// ill).
Result<core::ContentRange> range_of(core::HttpHead const& head);

// Opens bytes first … last of the bundle that `head` is of, by If-Range where the server named a strong ETag.
// Errors: changed ("the bundle changed on the server"), those of range_of and of HttpClient::open. When the
// server asks to come back later, source.retry_after says so.
Task<Result<std::unique_ptr<core::HttpStream>>>
open_range(core::HttpClient& http, BundleSource source, BundleHead head, core::ByteRange range);

core::HttpRequest request_for(BundleSource const& source, core::ByteRange range);
void note_retry_after(BundleSource const& source, core::HttpHead const& head);
std::string connection_lost(std::uint64_t after, std::uint64_t of);

// Reads exactly `size` bytes. Errors: unreachable ("connection lost after N of M bytes"), those of
// HttpStream::read.
Task<Result<std::string>> read_exactly(core::HttpStream& stream, std::uint64_t size);

}   // namespace ota
