#include "ota/bundle.hpp"
#include "ota/bundle_range.hpp"
#include "ota/bundle_writer.hpp"

#include "core/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <exception>

namespace ota {

using core::Errc;
using core::fail;

namespace {

constexpr std::size_t kPiece = 256 * 1024;

// Two pieces of the stream: one is filled from the network while the pool verifies and writes the other.
struct Pipe {
    Pipe(core::asio::any_io_executor executor, std::shared_ptr<BundleWriter> to)
        : group{executor}, writer{std::move(to)} {}

    core::TaskGroup group;   // at most one task: the piece being written
    std::shared_ptr<BundleWriter> writer;
    std::array<std::vector<std::byte>, 2> pieces{std::vector<std::byte>(kPiece),
                                                 std::vector<std::byte>(kPiece)};
    Result<void> outcome;   // of the last piece written
};

Task<void> write_piece(Pipe& pipe, core::Workers& workers, std::span<std::byte const> piece) {
    auto begin = [writer = pipe.writer, piece]() -> Result<bool> {
        if (auto ok = writer->verify(piece); !ok) return ok.error();
        return writer->write_some();
    };
    auto done = co_await workers.run(std::move(begin));
    while (done && !*done) {
        auto more = [writer = pipe.writer] { return writer->write_some(); };
        done = co_await workers.run(std::move(more));
    }
    if (!done) pipe.outcome = done.error();
}

Task<Result<void>> piece_written(Pipe& pipe) {
    while (pipe.group.size() > 0) co_await pipe.group.changed();
    if (pipe.group.failed()) std::rethrow_exception(pipe.group.failed());
    co_return pipe.outcome;
}

Task<Result<void>>
fill(core::HttpStream& stream, std::span<std::byte> room, std::uint64_t before, std::uint64_t total) {
    for (std::size_t have = 0; have < room.size();) {
        auto const rest = room.subspan(have);
        auto const got = co_await stream.read(rest);
        auto const lost = connection_lost(before + have, total);
        if (!got) co_return fail(got.error().code, got.error().context + "; " + lost);
        if (*got == 0) co_return fail(Errc::unreachable, lost);
        have += *got;
    }
    co_return Result<void>{};
}

Task<Result<void>> stream_in(Pipe& pipe,
                             core::HttpStream& stream,
                             core::Workers& workers,
                             std::uint64_t total,
                             std::function<void(std::uint64_t, std::uint64_t)> progress) {
    std::size_t filling = 0;
    for (std::uint64_t received = 0; received < total;) {
        auto const size = std::min<std::uint64_t>(kPiece, total - received);
        auto const room = std::span{pipe.pieces[filling]}.first(size);
        auto const filled = co_await fill(stream, room, received, total);
        auto const written = co_await piece_written(pipe);
        if (!written) co_return written;
        if (progress) progress(received, total);
        if (!filled) co_return filled;
        pipe.group.start(write_piece(pipe, workers, room));
        received += size;
        filling = 1 - filling;
    }
    auto const written = co_await piece_written(pipe);
    if (written && progress) progress(total, total);
    co_return written;
}

}   // namespace

Task<Result<void>> write_images(core::HttpClient& http,
                                core::Workers& workers,
                                BundleSource source,
                                std::shared_ptr<BundlePlan const> plan,
                                SlotTargets targets,
                                WriteSteps steps) {
    if (auto ok = check_targets(plan->head.manifest, targets); !ok) co_return ok;
    core::ByteRange const all{.first = 0, .last = plan->stream_end - 1};
    auto const stream = co_await open_range(http, std::move(source), plan->head, all);
    if (!stream) co_return fail(stream, "fetching the bundle's data");

    if (auto ready = co_await steps.before_first_byte(); !ready) co_return ready;
    auto open = [plan, targets] { return BundleWriter::open(plan, targets); };
    auto const writer = co_await workers.run(std::move(open));
    if (!writer) co_return writer.error();

    auto const executor = co_await core::asio::this_coro::executor;
    Pipe pipe{executor, *writer};
    std::exception_ptr thrown;
    Result<void> streamed;
    try {
        streamed = co_await stream_in(pipe, **stream, workers, plan->stream_end, std::move(steps.progress));
    } catch (...) { thrown = std::current_exception(); }
    if (thrown) {
        // Before the next co_await, which a cancelled task would leave by at once: the pool still reads from
        // a piece.
        co_await core::asio::this_coro::reset_cancellation_state(core::asio::disable_cancellation());
        co_await pipe.group.end_all();
        std::rethrow_exception(thrown);
    }
    if (!streamed) co_return fail(streamed, "installing " + plan->head.manifest.version);
    auto finish = [kept = *writer] { return kept->finish(); };
    auto const finished = co_await workers.run(std::move(finish));
    if (!finished) co_return fail(finished, "finishing " + plan->head.manifest.version);
    co_return Result<void>{};
}

}   // namespace ota
