#include "net/http_exchange.hpp"

#include "net/http_fields.hpp"

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <sstream>

namespace net {
namespace {

namespace http = boost::beast::http;
using core::Errc;
using core::fail;
using core::Result;

constexpr std::uint32_t kHeaderLimit = 16 * 1024;

bool is_token(std::string_view name) {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::ranges::all_of(name, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kOthers.find(c) != std::string_view::npos;
    });
}
// Also with bytes above ASCII: an ETag that came with them goes back as it was.
bool is_value(std::string_view value) {
    return std::ranges::all_of(value, [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7f); });
}

}   // namespace

Result<std::string> request_text(Url const& url,
                                 std::vector<std::pair<std::string, std::string>> const& headers,
                                 std::optional<core::ByteRange> const& range,
                                 std::string const& user_agent) {
    http::request<http::empty_body> request{http::verb::get, url.target, 11};
    request.set(http::field::host, url.authority());
    request.set(http::field::user_agent, user_agent);
    request.set(http::field::accept_encoding, "identity");   // ranges and digests are of the bytes as stored
    if (range) request.set(http::field::range, print(*range));
    for (auto const& [name, value] : headers) {
        // The value is not repeated: it may be a secret.
        if (!is_token(name) || !is_value(value))
            return fail(Errc::bad_input, "the header " + name + " has a character that no header may have");
        request.set(name, value);
    }
    std::ostringstream text;
    text << request.base();
    return text.str();
}

struct ReplyParser::Parser {
    http::response_parser<http::buffer_body> beast;
    std::uint64_t body_bytes = 0;

    Parser() {
        beast.header_limit(kHeaderLimit);
        beast.body_limit(boost::none);
    }
    std::string field(http::field which) const { return std::string{beast.get()[which]}; }
};

ReplyParser::ReplyParser() : parser_{std::make_unique<Parser>()} {}
ReplyParser::ReplyParser(ReplyParser&&) noexcept = default;
ReplyParser& ReplyParser::operator=(ReplyParser&&) noexcept = default;
ReplyParser::~ReplyParser() = default;

Result<ReplyParser::Taken> ReplyParser::put(std::span<std::byte const> received, std::span<std::byte> into) {
    auto& body = parser_->beast.get().body();
    body.data = into.data();
    body.size = into.size();
    body.more = true;

    boost::system::error_code failed;
    boost::asio::const_buffer const bytes{received.data(), received.size()};
    std::size_t const taken = parser_->beast.put(bytes, failed);
    std::size_t const produced = into.size() - body.size;
    parser_->body_bytes += produced;
    if (failed && failed != http::error::need_more && failed != http::error::need_buffer)
        return fail(Errc::bad_input, "the reply is not HTTP: " + failed.message());

    bool const interim = parser_->beast.is_header_done() && parser_->beast.get().result_int() / 100 == 1;
    if (interim) parser_ = std::make_unique<Parser>();   // the real reply follows
    return Taken{taken, produced};
}

Result<void> ReplyParser::put_end() {
    boost::system::error_code failed;
    if (has_head()) parser_->beast.put_eof(failed);
    if (!has_head() || failed) return lost("closed by the server");
    return {};
}

core::Error ReplyParser::lost(std::string const& why) const {
    auto where = std::string{"before the reply was complete"};
    if (has_head()) {
        auto const length = parser_->beast.content_length();
        where = "after " + std::to_string(parser_->body_bytes);
        where += (length ? " of " + std::to_string(*length) : "") + " bytes";
    }
    return fail(Errc::unreachable, "the connection was lost " + where + ": " + why);
}

bool ReplyParser::has_head() const {
    return parser_->beast.is_header_done();
}
bool ReplyParser::is_done() const {
    return parser_->beast.is_done();
}
bool ReplyParser::leaves_connection_open() const {
    return is_done() && parser_->beast.keep_alive();
}
std::string ReplyParser::location() const {
    return parser_->field(http::field::location);
}

core::HttpHead ReplyParser::head() const {
    core::HttpHead head;
    head.status = parser_->beast.get().result_int();
    head.etag = parser_->field(http::field::etag);
    head.retry_after =
        parse_retry_after(parser_->field(http::field::retry_after), parser_->field(http::field::date));
    if (auto const length = parser_->beast.content_length()) head.content_length = *length;
    if (head.status == 206)
        head.content_range = parse_content_range(parser_->field(http::field::content_range));
    if (head.content_range && head.content_length &&
        head.content_range->last - head.content_range->first != *head.content_length - 1)
        head.content_range.reset();   // one of the two is a lie
    return head;
}

}   // namespace net
