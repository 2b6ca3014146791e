#include "ota/segments.hpp"

#include <algorithm>

namespace ota {
namespace {

std::uint64_t rounded_down(std::uint64_t offset) {
    return offset / kVerityBlock * kVerityBlock;
}
std::uint64_t rounded_up(std::uint64_t offset) {
    return rounded_down(offset + kVerityBlock - 1);
}

// Adds to the end of `segments`, or lengthens the last one where both are the same source.
void append(std::vector<Segment>& segments, Segment segment) {
    if (segment.size == 0) return;
    auto* const last = segments.empty() ? nullptr : &segments.back();
    bool const joins = last && last->end() == segment.offset &&
                       last->from.has_value() == segment.from.has_value() &&
                       (!last->from || (last->from->file == segment.from->file &&
                                        last->from->in_place == segment.from->in_place &&
                                        last->from->file_offset + last->size == segment.from->file_offset));
    if (!joins) {
        segments.push_back(segment);
        return;
    }
    last->size += segment.size;
    if (last->from) last->from->size += segment.size;
}

// By offset, none over another; of two for the same bytes the one that begins first, then the one named
// first.
std::vector<Copy> without_overlaps(std::vector<Copy> const& copies) {
    struct Claim {
        Copy copy;
        std::size_t rank;
    };
    std::vector<Claim> claims;
    for (auto const& copy : copies) claims.push_back({copy, claims.size()});
    std::ranges::sort(claims, [](Claim const& a, Claim const& b) {
        return std::pair{a.copy.offset, a.rank} < std::pair{b.copy.offset, b.rank};
    });
    std::vector<Copy> kept;
    for (auto& [copy, rank] : claims) {
        auto const end = kept.empty() ? 0 : kept.back().offset + kept.back().size;
        if (copy.offset + copy.size <= end) continue;
        if (copy.offset < end) {
            auto const skip = end - copy.offset;
            copy = {.offset = end,
                    .size = copy.size - skip,
                    .file = copy.file,
                    .file_offset = copy.file_offset + skip,
                    .in_place = copy.in_place};
        }
        kept.push_back(copy);
    }
    return kept;
}

Segment clipped(Copy copy, std::uint64_t begin, std::uint64_t end) {
    auto const from = std::max(copy.offset, begin);
    copy.file_offset += from - copy.offset;
    copy.offset = from;
    copy.size = end - from;
    return {.offset = copy.offset, .size = copy.size, .from = copy};
}

Segment fetched(std::uint64_t begin, std::uint64_t end) {
    return {.offset = begin, .size = end - begin, .from = std::nullopt};
}

}   // namespace

std::vector<Segment> needed_stretches(std::vector<Use> const& uses) {
    std::vector<Segment> stretches;
    for (auto const& use : uses) {   // by offset
        if (use.stored == 0) continue;
        auto const begin = rounded_down(use.offset);
        auto const end = rounded_up(use.offset + use.stored);
        if (!stretches.empty() && begin <= stretches.back().end() + kSmallGap)
            stretches.back().size = std::max(stretches.back().end(), end) - stretches.back().offset;
        else
            stretches.push_back(fetched(begin, end));
    }
    return stretches;
}

std::vector<Segment> cut_up(std::vector<Segment> const& stretches, std::vector<Copy> const& copies) {
    auto const all = without_overlaps(copies);
    std::vector<Segment> segments;
    for (auto const& stretch : stretches) {
        std::vector<Segment> parts;
        auto at = stretch.offset;
        auto next = std::ranges::lower_bound(all, stretch.offset, {},
                                             [](Copy const& copy) { return copy.offset + copy.size - 1; });
        for (; next != all.end() && next->offset < stretch.end(); ++next) {
            auto const part =
                clipped(*next, stretch.offset, std::min(next->offset + next->size, stretch.end()));
            append(parts, fetched(at, part.offset));
            append(parts, part);
            at = part.end();
        }
        append(parts, fetched(at, stretch.end()));
        // What is between two fetched parts, or beside one, and small, is fetched with them.
        for (std::size_t i = 0; i < parts.size(); ++i) {
            bool const beside_fetched =
                (i > 0 && !parts[i - 1].from) || (i + 1 < parts.size() && !parts[i + 1].from);
            if (parts[i].from && parts[i].size < kSmallGap && beside_fetched) parts[i].from.reset();
        }
        for (auto const& part : parts) append(segments, part);
    }
    return segments;
}

NextPiece
next_piece(std::vector<Segment> const& segments, std::size_t index, std::uint64_t at, std::uint64_t most) {
    auto const is_in_place = [](Segment const& segment) { return segment.from && segment.from->in_place; };
    auto end = at + most;
    bool const in_place = is_in_place(segments[index]) && rounded_down(segments[index].end()) > at;
    if (in_place) end = std::min(end, rounded_down(segments[index].end()));
    NextPiece piece{.offset = at, .in_place = in_place};
    for (auto i = index; i < segments.size() && segments[i].offset < end; ++i) {
        if (i > index && segments[i].offset != segments[i - 1].end()) break;   // the stretch ends
        if (i > index && is_in_place(segments[i]) && segments[i].size >= most)
            end = std::min(end, rounded_up(segments[i].offset));
        auto const begin = std::max(at, segments[i].offset);
        auto const stop = std::min(end, segments[i].end());
        if (begin >= stop) break;
        auto const& from = segments[i].from;
        piece.parts.push_back(from ? clipped(*from, begin, stop) : fetched(begin, stop));
        piece.size = stop - at;
    }
    return piece;
}

std::uint64_t bytes_to_fetch(std::vector<Segment> const& segments) noexcept {
    std::uint64_t bytes = 0;
    for (auto const& segment : segments)
        if (!segment.from) bytes += segment.size;
    return bytes;
}

std::vector<RawRun> raw_runs(std::vector<Use> const& uses, Target image) {
    std::vector<RawRun> pieces;
    for (auto const& use : uses)
        if (use.image == image && use.stored > 0 && !use.compressed)
            pieces.push_back({use.image_offset, use.offset + use.block_offset, use.length});
    std::ranges::sort(pieces, {}, &RawRun::image_offset);
    std::vector<RawRun> runs;
    for (auto const& piece : pieces) {
        bool const joins = !runs.empty() &&
                           runs.back().image_offset + runs.back().size == piece.image_offset &&
                           runs.back().offset + runs.back().size == piece.offset;
        if (joins)
            runs.back().size += piece.size;
        else
            runs.push_back(piece);
    }
    return runs;
}

void add_copies(std::vector<Copy>& copies,
                std::vector<RawRun> const& runs,
                std::uint64_t image_offset,
                std::uint64_t size,
                Copy const& from) {
    auto run = std::ranges::upper_bound(runs, image_offset, {},
                                        [](RawRun const& r) { return r.image_offset + r.size; });
    auto const end = image_offset + size;
    for (; run != runs.end() && run->image_offset < end; ++run) {
        auto const begin = std::max(run->image_offset, image_offset);
        auto const stop = std::min(run->image_offset + run->size, end);
        copies.push_back({.offset = run->offset + (begin - run->image_offset),
                          .size = stop - begin,
                          .file = from.file,
                          .file_offset = from.file_offset + (begin - image_offset),
                          .in_place = from.in_place});
    }
}

}   // namespace ota
