// What lies under <data>/state: a file that a power cut, a worn medium or another version left behind. What
// is read and written is read the same again.

#include "core/json.hpp"
#include "fuzz.hpp"
#include "ota/history.hpp"
#include "ota/ledger.hpp"
#include "ota/progress.hpp"
#include "ota/update_record.hpp"

using fuzz::must;

namespace {

// By way of text, as it goes through a file.
core::json::object reread(core::json::object const& object) {
    auto read = core::parse_json_object(core::print_json(object));
    must(read.has_value(), "what is printed is JSON");
    return std::move(*read);
}

void read_progress(core::json::object const& object) {
    auto const progress = ota::progress_from_json(object);
    if (!progress) return;
    for (auto const* list : {&progress->boot, &progress->rootfs})
        for (std::size_t i = 1; i < list->size(); ++i)
            must((*list)[i - 1].number < (*list)[i].number, "the written MiB are in order, each once");
    must(ota::progress_from_json(reread(to_json(*progress))) == progress, "progress is kept");
}

void read_record(core::json::object const& object) {
    auto const record = ota::update_record_from_json(object);
    must(record.has_value() || !record.error().context.empty(), "a refusal is a sentence");
    if (!record) return;
    auto const again = ota::update_record_from_json(reread(to_json(*record)));
    must(again.has_value() && *again == *record, "the update's record is kept");
}

void read_books(core::json::object const& object) {
    auto entries = ota::ledger_from_json(object);
    auto const ledger = to_json(entries);
    must(to_json(ota::ledger_from_json(reread(ledger))) == ledger, "the ledger is kept");
    if (!entries.entries().empty()) {
        auto const known = entries.entries().front();
        core::WallTime const now{std::chrono::seconds{1'900'000'000}};
        (void)entries.refusal_of(known.bundle, now, true);
        entries.add(known);
        must(entries.refusal_of(known.bundle, now, false).has_value(),
             "what was rejected just now stays rejected");
    }
    auto const history = to_json(ota::history_from_json(object));
    must(to_json(ota::history_from_json(reread(history))) == history, "the history is kept");
    auto const committed = to_json(ota::committed_from_json(object));
    must(to_json(ota::committed_from_json(reread(committed))) == committed, "what was committed is kept");
}

}   // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    auto const object = core::parse_json_object(fuzz::Input{bytes, size}.rest());
    if (!object) return 0;
    read_progress(*object);
    read_record(*object);
    read_books(*object);
    return 0;
}
