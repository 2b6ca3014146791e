#include "health/podman.hpp"

#include "core/race.hpp"
#include "core/served_by.hpp"
#include "health/podman_reply.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <sys/un.h>

#include <algorithm>

namespace health {
namespace {

namespace asio = core::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using core::Errc;
using core::Error;
using core::fail;
using core::Result;
using core::Task;
using Unix = asio::local::stream_protocol;

constexpr auto kLimit = std::chrono::seconds{5};
constexpr std::uint64_t kLongestReply = 4 * 1024 * 1024;
constexpr unsigned kFirstFailure = 300;
constexpr std::string_view kApi = "/v4.0.0/libpod/";

Error cannot_connect(error_code failed, std::string const& socket) {
    if (failed == asio::error::connection_refused)
        return fail(Errc::unreachable, "nobody listens at " + socket + ": podman.socket is not active");
    if (failed == boost::system::errc::no_such_file_or_directory)
        return fail(Errc::not_found, "there is no " + socket + ": podman.socket is not active");
    if (failed == asio::error::access_denied)
        return fail(Errc::refused, socket + " may not be opened by this program");
    return fail(Errc::unreachable, "no connection to " + socket + ": " + failed.message());
}

Error unreadable(error_code failed) {
    if (failed == http::error::body_limit)
        return fail(Errc::too_large,
                    "podman's reply is longer than " + std::to_string(kLongestReply >> 20) + " MiB");
    bool const is_cut = failed == http::error::partial_message || failed == http::error::end_of_stream;
    if (is_cut) return fail(Errc::unreachable, "podman ended the connection before its reply was complete");
    if (failed.category() == http::make_error_code(http::error::bad_version).category())
        return fail(Errc::bad_input, "podman's reply is not HTTP: " + failed.message());
    return fail(Errc::unreachable, "the connection to podman was lost: " + failed.message());
}

Task<Result<std::string>>
exchange(std::string socket_path, unsigned owner, http::verb verb, std::string target) {
    Unix::socket socket{co_await asio::this_coro::executor};
    Unix::endpoint const podman{socket_path};
    auto const [unconnected] = co_await socket.async_connect(podman, asio::as_tuple(asio::use_awaitable));
    if (unconnected) co_return cannot_connect(unconnected, socket_path);
    if (auto ok = core::served_by(owner, socket.native_handle(), socket_path); !ok) co_return ok.error();

    http::request<http::empty_body> request{verb, target, 11};
    request.set(http::field::host, "podman");
    request.keep_alive(false);
    auto const [unsent, sent] =
        co_await http::async_write(socket, request, asio::as_tuple(asio::use_awaitable));
    if (unsent) co_return unreadable(unsent);

    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kLongestReply);
    auto const [lost, received] =
        co_await http::async_read(socket, buffer, parser, asio::as_tuple(asio::use_awaitable));
    if (lost) co_return unreadable(lost);
    auto& reply = parser.get();
    if (reply.result_int() >= kFirstFailure) co_return refusal_of(reply.result_int(), reply.body());
    co_return std::move(reply.body());
}

}   // namespace

bool is_hex_id(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Podman::Podman(core::Clock& clock, std::filesystem::path socket, unsigned owner)
    : clock_{clock}, socket_{std::move(socket)}, owner_{owner} {}

Task<Result<std::string>> Podman::ask(std::string verb, std::string target, std::string what_for) {
    if (socket_.native().size() >= sizeof(sockaddr_un::sun_path))
        co_return fail(Errc::bad_input, socket_.string() + " is too long for the path of a socket");
    auto asked = exchange(socket_.string(), owner_, http::string_to_verb(verb), std::string{kApi} + target);
    auto over = clock_.sleep_for(kLimit);
    auto reply = co_await core::first_of(std::move(asked), std::move(over));
    if (!reply)
        co_return fail(fail(Errc::timed_out,
                            "podman did not answer within " + std::to_string(core::count_s(kLimit)) + " s"),
                       what_for);
    if (!*reply) co_return fail(*reply, what_for);
    co_return std::move(*reply);
}

Task<Result<std::vector<PodmanContainer>>> Podman::containers() {
    auto const reply = co_await ask("GET", "containers/json?all=true", "asking for its containers");
    if (!reply) co_return reply.error();
    co_return parse_containers(*reply);
}

Task<Result<std::vector<PodmanImage>>> Podman::images() {
    auto const reply = co_await ask("GET", "images/json", "asking for its images");
    if (!reply) co_return reply.error();
    co_return parse_images(*reply);
}

Task<Result<void>> Podman::remove_image(std::string id) {
    if (!is_hex_id(id)) co_return fail(Errc::bad_input, "\"" + id + "\" is no image's id");
    auto const reply = co_await ask("DELETE", "images/" + id, "removing image " + id);
    if (!reply) co_return reply.error();
    co_return Result<void>{};
}

}   // namespace health
