#include "net/status_connection.hpp"

#include "core/race.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace net {
namespace {

namespace asio = core::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using core::Task;
using Socket = asio::ip::tcp::socket;
using RequestParser = http::request_parser<http::empty_body>;

constexpr auto kGoodbye = std::chrono::seconds{1};
constexpr std::size_t kGoodbyeBytes = 64 * 1024;

Task<void> wait_for_data(Socket& socket) {
    co_await socket.async_wait(Socket::wait_read, asio::as_tuple(asio::use_awaitable));
}

Task<error_code> read_header(Socket& socket, boost::beast::flat_buffer& buffer, RequestParser& parser) {
    auto const [failed, count] =
        co_await http::async_read_header(socket, buffer, parser, asio::as_tuple(asio::use_awaitable));
    co_return failed;
}

Task<error_code> write(Socket& socket, http::response<http::string_body>& response, bool without_body) {
    http::response_serializer<http::string_body> serializer{response};
    if (without_body) {
        auto const [failed, count] =
            co_await http::async_write_header(socket, serializer, asio::as_tuple(asio::use_awaitable));
        co_return failed;
    }
    auto const [failed, count] =
        co_await http::async_write(socket, serializer, asio::as_tuple(asio::use_awaitable));
    co_return failed;
}

// Closing while the client still sends would reset the connection, and the reply could be lost on its way.
Task<void> drain(Socket& socket) {
    error_code failed;
    socket.shutdown(Socket::shutdown_send, failed);
    std::array<char, 4096> rest;
    for (std::size_t drained = 0; !failed && drained < kGoodbyeBytes;) {
        auto const [ended, count] =
            co_await socket.async_read_some(asio::buffer(rest), asio::as_tuple(asio::use_awaitable));
        drained += count;
        failed = ended;
    }
}

StatusRequest values_of(RequestParser const& parser) {
    auto const& request = parser.get();
    StatusRequest values{.method = std::string{request.method_string()},
                         .target = std::string{request.target()},
                         .version = request.version(),
                         .hosts = {}};
    auto const [first, last] = request.equal_range(http::field::host);
    for (auto field = first; field != last; ++field) values.hosts.emplace_back(field->value());
    return values;
}

// What is wrong with the request as such; nothing when the client has just gone.
std::optional<StatusResponse> complaint(error_code failed, bool has_begun) {
    if (failed == http::error::header_limit || failed == http::error::buffer_overflow)
        return problem(431, "the header is longer than 4 KiB");
    bool const gone = failed == http::error::end_of_stream || failed == http::error::partial_message ||
                      failed.category() != http::make_error_code(http::error::bad_method).category();
    if (gone || !has_begun) return std::nullopt;
    return problem(400, "the request is not HTTP/1.1: " + failed.message());
}

http::response<http::string_body> message(StatusResponse response, unsigned version, bool keep_alive) {
    http::response<http::string_body> made{static_cast<http::status>(response.status), version};
    made.set(http::field::server, "atomixd");
    made.set(http::field::content_type, response.content_type);
    made.set(http::field::cache_control, "no-store");
    made.set("X-Content-Type-Options", "nosniff");
    if (!response.allow.empty()) made.set(http::field::allow, response.allow);
    made.keep_alive(keep_alive);
    made.body() = std::move(response.body);
    made.prepare_payload();
    return made;
}

}   // namespace

Task<void> serve_client(Socket socket, core::Clock& clock, StatusLimits limits, Respond const& respond) {
    boost::beast::flat_buffer buffer{2 * limits.header_bytes};
    for (bool is_first = true, keep_alive = true; keep_alive; is_first = false) {
        if (!is_first && buffer.size() == 0) {
            auto data = wait_for_data(socket);
            auto idle = clock.sleep_for(limits.idle);
            bool const in_time = co_await core::ends_before(std::move(data), std::move(idle));
            if (!in_time) co_return;
        }

        // One deadline for the whole header: a client that sends a byte now and then gains nothing.
        RequestParser parser;
        parser.header_limit(limits.header_bytes);
        auto reading = read_header(socket, buffer, parser);
        auto patience = clock.sleep_for(limits.request);
        auto const read = co_await core::first_of(std::move(reading), std::move(patience));

        std::optional<StatusResponse> response;
        if (!read)
            response = problem(408, "the request was not complete within " +
                                        std::to_string(core::count_s(limits.request)) + " s");
        else if (*read)
            response = complaint(*read, parser.got_some());
        else if (parser.chunked() || parser.content_length().value_or(0) > 0)
            response = problem(413, "a request with a body is not accepted");
        if (!response && (!read || *read)) co_return;
        bool const is_bad = response.has_value();
        if (!response) response = respond(values_of(parser));

        keep_alive = !is_bad && !response->close && parser.get().keep_alive();
        bool const has_method = parser.is_header_done();
        auto answer = message(std::move(*response), has_method ? parser.get().version() : 11, keep_alive);
        auto writing = write(socket, answer, has_method && parser.get().method() == http::verb::head);
        auto write_limit = clock.sleep_for(limits.request);
        auto const written = co_await core::first_of(std::move(writing), std::move(write_limit));
        if (!written || *written) co_return;
    }
    auto draining = drain(socket);
    auto goodbye = clock.sleep_for(kGoodbye);
    co_await core::ends_before(std::move(draining), std::move(goodbye));
}

}   // namespace net
