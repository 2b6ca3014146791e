#include "ota/bundle.hpp"
#include "ota/bundle_writer.hpp"
#include "ota/leaf_window.hpp"
#include "ota/range_reader.hpp"

#include "core/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>

namespace ota {

using core::Errc;
using core::fail;

namespace {

constexpr unsigned kMostMisses = 8;   // pieces whose copies were wrong; then none are trusted any more

struct Buffer {
    std::vector<std::byte> room;   // of the size of a piece
    NextPiece piece;
    std::shared_ptr<Leaves const> leaves;

    std::span<std::byte> bytes() { return std::span{room}.first(piece.size); }
    std::span<std::byte> part(Segment const& segment) {
        return bytes().subspan(segment.offset - piece.offset, segment.size);
    }
};

// Everything that one installation needs. Two buffers: one is filled from the network while the pool reads
// copies into the other, verifies and writes it.
struct Install {
    core::HttpClient& http;
    core::Clock& clock;
    core::Workers& workers;
    BundleSource source;
    std::shared_ptr<BundlePlan const> plan;
    std::shared_ptr<Found const> found;
    Patience patience;
    WriteSteps steps;

    core::TaskGroup group;   // at most one task: the buffer being written
    RangeReader reader{http, clock, source, plan->head, patience};
    RangeReader leaf_reader{http, clock, source, plan->head, patience};
    std::uint64_t fetched_instead = 0;   // bytes, of copies that were not what they seemed
    std::shared_ptr<BundleWriter> writer = nullptr;
    std::vector<core::OwnedFd> files = {};   // that copies name
    std::vector<Segment> stretches = {};
    std::vector<Segment> segments = {};
    std::shared_ptr<Leaves const> window = nullptr;
    std::array<Buffer, 2> buffers = {};
    Result<void> outcome = {};   // of the last buffer written
    unsigned misses = 0;
    std::uint64_t total = 0;
    std::uint64_t done = 0;
    std::uint64_t since_checkpoint = 0;
    core::TimePoint last_checkpoint = clock.now();
};

bool read_at(int fd, std::uint64_t offset, std::span<std::byte> into) {
    while (!into.empty()) {
        auto const n = ::pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        offset += static_cast<std::uint64_t>(n);
        into = into.subspan(static_cast<std::size_t>(n));
    }
    return true;
}

// What cannot be read is left as it is: the hash tree will not take it. For the pool.
void read_copies(Install const& install, Buffer& buffer) {
    for (auto const& part : buffer.piece.parts)
        if (part.from)
            read_at(install.files[part.from->file].get(), part.from->file_offset, buffer.part(part));
}

Result<bool> verify_and_write(BundleWriter& writer, Buffer& buffer) {
    Piece const piece{.offset = buffer.piece.offset,
                      .bytes = buffer.bytes(),
                      .leaves = buffer.leaves,
                      .in_place = buffer.piece.in_place};
    if (auto ok = writer.verify(piece); !ok) return ok.error();
    return writer.write_some();
}

// The copies of this piece were not what they seemed: fetch those bytes after all.
Task<Result<void>> fetch_instead(Install& install, Buffer& buffer) {
    ++install.misses;
    RangeReader reader{install.http, install.clock, install.source, install.plan->head, install.patience};
    for (auto const& part : buffer.piece.parts) {
        if (!part.from) continue;
        auto const begun = co_await reader.begin(part.offset, part.end());
        if (!begun) co_return begun;
        auto const got = co_await reader.read(buffer.part(part));
        if (!got) co_return got;
    }
    install.fetched_instead += reader.received();
    buffer.piece.parts.clear();
    buffer.piece.in_place = false;
    co_return Result<void>{};
}

Task<void> write_buffer(Install& install, Buffer& buffer) {
    bool const has_copies =
        std::ranges::any_of(buffer.piece.parts, [](auto const& part) { return part.from.has_value(); });
    auto begin = [&install, &buffer]() -> Result<bool> {
        read_copies(install, buffer);
        return verify_and_write(*install.writer, buffer);
    };
    auto done = co_await install.workers.run(std::move(begin));
    if (!done && done.error().is(Errc::bad_signature) && has_copies) {
        auto const fetched = co_await fetch_instead(install, buffer);
        if (!fetched) {
            install.outcome = fetched;
            co_return;
        }
        auto again = [&install, &buffer] { return verify_and_write(*install.writer, buffer); };
        done = co_await install.workers.run(std::move(again));
    }
    while (done && !*done) {
        auto more = [writer = install.writer] { return writer->write_some(); };
        done = co_await install.workers.run(std::move(more));
    }
    if (!done) install.outcome = done.error();
}

Task<Result<void>> buffer_written(Install& install) {
    while (install.group.size() > 0) co_await install.group.changed();
    if (install.group.failed()) std::rethrow_exception(install.group.failed());
    co_return install.outcome;
}

// The end of the request that serves a part: all that is fetched in one go.
std::uint64_t request_end(std::vector<Segment> const& segments, std::uint64_t offset) {
    auto const at = std::ranges::upper_bound(segments, offset, {}, &Segment::end);
    return at->end();
}

// The parts from the network, and the leaves for all.
Task<Result<void>> fill(Install& install, Buffer& buffer) {
    for (auto const& part : buffer.piece.parts) {
        if (part.from) continue;
        auto const begun =
            co_await install.reader.begin(part.offset, request_end(install.segments, part.offset));
        if (!begun) co_return begun;
        auto const got = co_await install.reader.read(buffer.part(part));
        if (!got) co_return got;
    }
    auto const first = buffer.piece.offset / kVerityBlock;
    auto const end = first + buffer.piece.size / kVerityBlock;
    auto const leaves =
        co_await leaves_for(install.leaf_reader, install.workers, install.plan, install.window, first, end);
    if (!leaves) co_return leaves.error();
    buffer.leaves = *leaves;
    co_return Result<void>{};
}

void tell_progress(Install const& install) {
    if (install.steps.progress)
        install.steps.progress({.done = install.done,
                                .total = install.total,
                                .fetched = install.reader.received() + install.fetched_instead});
}

Task<void> keep_progress(Install& install) {
    install.since_checkpoint = 0;
    install.last_checkpoint = install.clock.now();
    if (!install.steps.checkpoint) co_return;
    auto sync = [writer = install.writer] { return writer->sync(); };
    auto synced = co_await install.workers.run(std::move(sync));
    if (synced) co_await install.steps.checkpoint(std::move(*synced));
}

bool is_checkpoint_due(Install const& install) {
    return install.since_checkpoint >= install.steps.checkpoint_every &&
           install.clock.now() >= install.last_checkpoint + install.steps.checkpoint_pause;
}

Task<Result<void>> stream_in(Install& install) {
    std::size_t filling = 0;
    std::size_t index = 0;
    for (std::uint64_t at = install.segments.empty() ? 0 : install.segments.front().offset;
         index < install.segments.size();) {
        auto& buffer = install.buffers[filling];
        buffer.piece = next_piece(install.segments, index, at, install.steps.piece_size);
        auto const filled = co_await fill(install, buffer);
        auto const written = co_await buffer_written(install);
        if (!written) co_return written;
        tell_progress(install);
        if (!filled) co_return filled;
        if (is_checkpoint_due(install)) co_await keep_progress(install);

        install.group.start(write_buffer(install, buffer));
        install.done += buffer.piece.size;
        install.since_checkpoint += buffer.piece.size;
        at = buffer.piece.offset + buffer.piece.size;
        if (install.misses >= kMostMisses) {   // whatever said so was wrong: fetch the rest
            install.misses = 0;
            install.segments = install.stretches;
            index = 0;
        }
        while (index < install.segments.size() && install.segments[index].end() <= at) ++index;
        if (index < install.segments.size()) at = std::max(at, install.segments[index].offset);
        filling = 1 - filling;
    }
    auto const written = co_await buffer_written(install);
    if (written) tell_progress(install);
    co_return written;
}

Result<void> open_files(Install& install) {
    for (auto const& path : install.found->files) {
        install.files.emplace_back(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!install.files.back()) return core::fail_errno("opening " + path.string());
    }
    return {};
}

// The network first: a server that has nothing to give must not cost the spare slot.
Task<Result<void>> begin(Install& install, SlotTargets targets) {
    auto const first = std::ranges::find_if(install.segments, [](auto const& s) { return !s.from; });
    if (first != install.segments.end()) {
        auto const opened = co_await install.reader.begin(first->offset, first->end());
        if (!opened) co_return fail(opened, "fetching the bundle's data");
    }
    auto const ready = co_await install.steps.before_first_byte();
    if (!ready) co_return ready;
    auto open = [&install, targets]() -> Result<void> {
        if (auto ok = open_files(install); !ok) return ok;
        auto writer = BundleWriter::open(install.plan, targets, *install.found);
        if (!writer) return writer.error();
        install.writer = *writer;
        return {};
    };
    co_return co_await install.workers.run(std::move(open));
}

std::vector<Use> uses_to_write(BundlePlan const& plan, Found const& found) {
    std::vector<Use> uses;
    for (std::size_t i = 0; i < plan.layout.uses.size(); ++i)
        if (!found.is_done[i]) uses.push_back(plan.layout.uses[i]);
    return uses;
}

}   // namespace

Task<Result<void>> write_images(core::HttpClient& http,
                                core::Clock& clock,
                                core::Workers& workers,
                                BundleSource source,
                                std::shared_ptr<BundlePlan const> plan,
                                SlotTargets targets,
                                std::shared_ptr<Found const> found,
                                Patience patience,
                                WriteSteps steps) {
    if (auto ok = check_targets(plan->head.manifest, targets); !ok) co_return ok;
    auto const executor = co_await core::asio::this_coro::executor;
    Install install{.http = http,
                    .clock = clock,
                    .workers = workers,
                    .source = std::move(source),
                    .plan = plan,
                    .found = found,
                    .patience = patience,
                    .steps = std::move(steps),
                    .group = core::TaskGroup{executor}};
    for (auto& buffer : install.buffers) buffer.room.resize(install.steps.piece_size);
    install.stretches = needed_stretches(uses_to_write(*plan, *found));
    install.segments = cut_up(install.stretches, found->copies);
    for (auto const& segment : install.segments) install.total += segment.size;

    auto const begun = co_await begin(install, targets);
    if (!begun) co_return begun;
    std::exception_ptr thrown;
    Result<void> streamed;
    try {
        streamed = co_await stream_in(install);
    } catch (...) { thrown = std::current_exception(); }
    if (thrown) {
        // Before the next co_await, which a cancelled task would leave by at once: the pool still reads from
        // a buffer.
        co_await core::asio::this_coro::reset_cancellation_state(core::asio::disable_cancellation());
        co_await install.group.end_all();
        co_await keep_progress(install);
        std::rethrow_exception(thrown);
    }
    if (!streamed) {
        co_await keep_progress(install);
        co_return fail(streamed, "installing " + plan->head.manifest.version);
    }
    auto finish = [kept = install.writer] { return kept->finish(); };
    auto const finished = co_await workers.run(std::move(finish));
    if (!finished) co_return fail(finished, "finishing " + plan->head.manifest.version);
    co_return Result<void>{};
}

}   // namespace ota
