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

core::Result<void> store(Path const& path, std::string const& text) {
    if (auto const stored = read_document(path); stored && *stored == text) return {};
    return core::replace_file(path, text, 0600);
}

}   // namespace

Accepted::Accepted(Path const& data_directory, core::Slot booted, DeviceNames names)
    : written_{data_directory / "config" / "atomix.yaml"},
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
        if (auto ok = store(stored_, read_now.text); !ok)
            chosen.state.problems.push_back(
                stored_.filename().string() +
                ": cannot be stored, so a refused document would fall back to an older "
                "one: " +
                ok.error().text());
        return chosen;
    }
    chosen.state.other_slot_accepts = have_same_text(written_, stored_by_other_);
    if (read(stored_, names_, read_now, chosen.state) == Found::accepted) {
        chosen.state.source = Source::last_accepted;
        chosen.document = std::move(read_now.document);
    }
    return chosen;
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
