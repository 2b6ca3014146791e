#include "ota/books.hpp"

namespace ota {
namespace {

constexpr int kSchema = 1;

template <class Kept, class Value>
core::Result<void> write_through(core::StateFile const& file, Kept& kept, Value value) {
    if (auto const ok = file.write(to_json(value)); !ok)
        return core::fail(ok, "writing " + file.path().string());
    kept = std::move(value);
    return {};
}

}   // namespace

template <class Value, class Parse> void Books::read(core::StateFile const& file, Value& into, Parse parse) {
    auto const object = file.read();
    if (!object)
        problems_.push_back(object.error().text());
    else if (*object)
        into = parse(**object);
}

Books::Books(std::filesystem::path const& directory, bool survive)
    : survive_{survive},
      update_file_{directory / "update.json", kSchema},
      ledger_file_{directory / "ledger.json", kSchema},
      history_file_{directory / "history.json", kSchema},
      committed_file_{directory / "committed.json", kSchema},
      progress_file_{directory / "progress.json", kSchema},
      trial_end_{directory} {
    read(update_file_, update_, [this](core::json::object const& object) -> std::optional<UpdateRecord> {
        auto record = update_record_from_json(object);
        if (record) return std::move(*record);
        problems_.push_back(record.error().text());
        return std::nullopt;
    });
    read(ledger_file_, ledger_, ledger_from_json);
    read(history_file_, history_, history_from_json);
    read(committed_file_, committed_, committed_from_json);
}

std::optional<Progress> Books::read_progress() const {
    auto const object = progress_file_.read();
    if (!object || !*object) return std::nullopt;
    return progress_from_json(**object);
}

core::Result<void> Books::set(UpdateRecord record) {
    if (update_ == record) return {};
    return write_through(update_file_, update_, std::move(record));
}
core::Result<void> Books::set(Ledger ledger) {
    return write_through(ledger_file_, ledger_, std::move(ledger));
}
core::Result<void> Books::set(History history) {
    if (history_ == history) return {};
    return write_through(history_file_, history_, std::move(history));
}
core::Result<void> Books::set(Committed committed) {
    if (committed_ == committed) return {};
    return write_through(committed_file_, committed_, std::move(committed));
}

}   // namespace ota
