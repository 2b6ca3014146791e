#include "config/accepted.hpp"

#include "config/yaml.hpp"
#include "core/files.hpp"

namespace config {
namespace {

using Source = core::ConfigState::Source;

// Errors: not_found, and read_file's. Opening a FIFO would wait for a writer, so only regular files are
// opened.
core::Result<std::string> read_document(Path const& path) {
    std::error_code ignored;
    auto const status = std::filesystem::status(path, ignored);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        return core::fail(core::Errc::bad_input, "it is not a regular file");
    return core::read_file(path, kLongestDocument);
}

// The document of `path` with its text; nothing when it is absent, or refused with the reasons in `state`.
struct Read {
    std::string text;
    OperatorDocument document;
};
enum class Found { accepted, refused, absent };

Found read(Path const& path, DeviceNames const& names, Read& into, core::ConfigState& state) {
    auto const name = path.filename().string();
    auto text = read_document(path);
    if (!text && text.error().is(core::Errc::not_found)) return Found::absent;
    if (!text) {
        state.problems.push_back(name + ": cannot be read: " + text.error().text());
        return Found::refused;
    }
    auto parsed = parse_operator_document(*text, name, names);
    if (auto const* problems = std::get_if<Problems>(&parsed)) {
        for (auto const& problem : *problems) state.problems.push_back(problem.text());
        return Found::refused;
    }
    into = {std::move(*text), std::get<OperatorDocument>(std::move(parsed))};
    return Found::accepted;
}

Path stored_for(core::Slot slot, Path const& data_directory) {
    return data_directory / "state" / ("accepted-" + std::string{core::name(slot)} + ".yaml");
}

bool have_same_text(Path const& one, Path const& other) {
    auto const left = read_document(one), right = read_document(other);
    return left && right && *left == *right;
}

AcceptedAt accepted_at(Path const& copy) {
    std::error_code failed;
    auto const time = std::filesystem::last_write_time(copy, failed);
    return failed ? AcceptedAt{} : AcceptedAt{time};
}

core::Result<void> store(Path const& copy, std::string const& text, Path const& others) {
    auto const stored = read_document(copy);
    if (!stored || *stored != text)
        if (auto ok = core::replace_file(copy, text, 0600); !ok) return ok;
    auto const before = accepted_at(others);
    if (!before || own_is_newer(accepted_at(copy), before)) return {};
    // A power cut may undo this: then the next start does it again.
    constexpr auto kNext = std::chrono::seconds{1};   // what every file system can tell apart
    std::error_code failed;
    std::filesystem::last_write_time(copy, *before + kNext, failed);
    if (failed) return core::fail(failed, "setting its time behind that of " + others.filename().string());
    return {};
}

}   // namespace

bool own_is_newer(AcceptedAt own, AcceptedAt others) {
    return own && (!others || *own > *others);
}

Accepted::Accepted(Path const& data_directory, core::Slot booted, DeviceNames names)
    : booted_{booted},
      written_{data_directory / "config" / "atomix.yaml"},
      stored_{stored_for(booted, data_directory)},
      stored_by_other_{stored_for(core::other(booted), data_directory)},
      names_{std::move(names)} {}

InForce Accepted::choose() const {
    InForce chosen;
    Read read_now;
    auto const found = read(written_, names_, read_now, chosen.state);
    if (found == Found::absent) return chosen;
    if (found == Found::accepted) {
        chosen.state.source = Source::operator_document;
        chosen.document = std::move(read_now.document);
        if (auto ok = store(stored_, read_now.text, stored_by_other_); !ok)
            chosen.state.problems.push_back(
                stored_.filename().string() +
                ": cannot be stored, so a refused document would fall back to an older "
                "one: " +
                ok.error().text());
        return chosen;
    }
    chosen.state.other_slot_accepts = have_same_text(written_, stored_by_other_);
    stand_in(chosen);
    return chosen;
}

void Accepted::stand_in(InForce& chosen) const {
    Read copy;
    auto const take = [&](Path const& path, core::Slot slot) {
        auto const found = read(path, names_, copy, chosen.state);
        if (found != Found::accepted) return found;
        chosen.state.source = Source::last_accepted;
        chosen.state.accepted_by = slot;
        chosen.document = std::move(copy.document);
        return found;
    };
    bool const own_first = own_is_newer(accepted_at(stored_), accepted_at(stored_by_other_));
    if (own_first && take(stored_, booted_) == Found::accepted) return;
    // The text that is refused already need not be refused twice.
    if (!chosen.state.other_slot_accepts) {
        auto const found = take(stored_by_other_, core::other(booted_));
        if (found == Found::accepted) return;
        chosen.state.refuses_other_slots = !own_first && found == Found::refused;
    }
    if (!own_first) take(stored_, booted_);
}

core::Result<std::optional<OperatorDocument>>
last_accepted(Path const& data_directory, core::Slot slot, DeviceNames const& names) {
    Read stored;
    core::ConfigState state;
    switch (read(stored_for(slot, data_directory), names, stored, state)) {
    case Found::accepted:
        return std::optional{std::move(stored.document)};
    case Found::absent:
        return std::optional<OperatorDocument>{};
    case Found::refused:
        break;
    }
    return core::fail(core::Errc::bad_input, state.problems.front());
}

}   // namespace config
