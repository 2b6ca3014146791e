#include "ota/power_cut_matrix.hpp"

#include <algorithm>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <unordered_set>

namespace test {

using core::Slot;
using core::Verdict;

namespace {

constexpr int kMostCycles = 8;
constexpr int kMostTrials = 2;   // the one that was cut short, and one more
constexpr std::size_t kMostProblems = 5;

// A cut after ops[0 … op) and, of a write, `part` of ops[op].
struct Cut {
    std::size_t op = 0;
    std::optional<Part> part;
    Left left = Left::everything;
};

std::string kind_of(std::string const& path) {
    if (path.starts_with("env-")) return "environment";
    return path.starts_with("state") ? "state file" : "slot";
}

std::string verb(DiskOp::Kind kind) {
    switch (kind) {
    case DiskOp::Kind::write:
        return "write of";
    case DiskOp::Kind::create:
        return "creation of";
    case DiskOp::Kind::truncate:
        return "truncation of";
    case DiskOp::Kind::sync:
        return "sync of";
    case DiskOp::Kind::rename:
        return "renaming of";
    case DiskOp::Kind::remove:
        return "removal of";
    case DiskOp::Kind::sync_directory:
        return "sync of directory";
    }
    return "";
}

std::string text(Cut const& cut, std::vector<DiskOp> const& ops) {
    if (cut.op == ops.size()) return "after the last write";
    auto const& op = ops[cut.op];
    std::ostringstream text;
    text << "before operation " << cut.op << ", " << verb(op.kind) << ' ' << op.path;
    if (op.kind == DiskOp::Kind::write) text << " at " << op.offset << ", " << op.bytes.size() << " bytes";
    if (cut.part && op.kind != DiskOp::Kind::write)
        text << ", which arrived";
    else if (cut.part)
        text << ", of which " << cut.part->begin << " to " << cut.part->end << " arrived";
    text << ", left is " << name(cut.left);
    return text.str();
}

std::size_t fingerprint(Tree const& tree) {
    std::size_t sum = 0;
    for (auto const& [path, content] : tree)
        for (auto const part : {std::hash<std::string>{}(path), std::hash<std::string>{}(*content)})
            sum = (sum ^ part) * 0x9e3779b97f4a7c15U + 1;
    return sum;
}

// The story without a cut, from a committed device to one that is quiet again; and everything it wrote.
std::vector<DiskOp> record_story(CutDevice& device, Scenario const& scenario) {
    WriteRecorder const recorder{device.path()};
    for (int cycle = 0; cycle < kMostCycles; ++cycle) {
        auto const boot = device.power_cycle(scenario.verdict);
        if (!boot.slot || !boot.stuck.empty()) throw std::runtime_error{"without a cut: " + boot.stuck};
        if (boot.is_quiet) return recorder.ops();
    }
    throw std::runtime_error{"the device does not come to rest without a cut"};
}

// --- one device after its cut ---

struct Kept {
    std::uint64_t floor = 0;
    std::vector<ota::Rejected> ledger;
    explicit Kept(CutDevice const& device) {
        auto const books = device.books();
        floor = books.committed().floor;
        ledger = books.ledger().entries();
    }
    bool holds(ota::Installed const& bundle) const {
        return std::ranges::find(ledger, bundle, &ota::Rejected::bundle) != ledger.end();
    }
};

// Each of these gives a sentence, or nothing.
std::string broken_slot(CutDevice const& device) {
    for (auto const slot : {Slot::a, Slot::b})
        if (device.holds(slot) == Holds::a_mixture)
            return std::string{"slot "} + core::name(slot) + " could be loaded and is not whole";
    return "";
}

// The order of things: a slot is out of the order before it is touched, a verdict is in the books before it
// is in the environment. Only where the environment was not lost.
std::string wrong_order(CutDevice const& device) {
    auto const order = device.variable("BOOT_ORDER");
    for (auto const slot : {Slot::a, Slot::b})
        if (!device.can_load(slot) && order.find(core::name(slot)) != std::string::npos)
            return std::string{"slot "} + core::name(slot) + " is unfinished and in the order";
    auto const books = device.books();
    auto const& record = books.update();
    if (record && record->phase == core::Phase::trial &&
        device.variable("ATOMIX_TRIAL") != core::name(record->target))
        return "the books say that a trial runs, and the environment knows of none";
    return "";
}

std::string lost_books(Kept const& before, Kept const& after) {
    if (after.floor < before.floor)
        return "the floor fell from " + std::to_string(before.floor) + " to " + std::to_string(after.floor);
    for (auto const& entry : before.ledger)
        if (!after.holds(entry.bundle)) return "the ledger lost version " + entry.bundle.version;
    return "";
}

std::string wrong_boot(CutDevice::Boot const& boot, Scenario const& scenario) {
    if (!boot.slot) return "no slot booted";
    if (boot.was_trial && !boot.has_baseline && !scenario.loses_environment)
        return "a trial without its baseline";
    return boot.stuck;
}

// What every device must come to that has kept its environment.
std::string wrong_end(CutDevice const& device, CutDevice::Boot const& last, Scenario const& scenario) {
    auto const target = core::other(scenario.running);
    bool const good = scenario.verdict == Verdict::commit;
    auto const wanted = good ? target : scenario.running;
    auto const books = device.books();
    Kept const kept{device};
    if (last.slot != wanted || last.holds != (good ? Holds::fresh : Holds::old)) return "the wrong slot runs";
    if (!device.variable("ATOMIX_TRIAL").empty()) return "the trial mark is still there";
    if (!device.variable("BOOT_ORDER").starts_with(core::name(wanted)))
        return "another slot is first in the order";
    if (device.variable("other") != "kept") return "a variable of somebody else's is lost";
    if (books.committed().last != wanted) return "the books name another slot as committed last";
    if (kept.floor != (good ? 10 : 9)) return "the floor is " + std::to_string(kept.floor);
    if (kept.holds(releases().installed) == good)
        return good ? "a bundle that nobody judged bad is in the ledger"
                    : "a bundle that was judged bad is not in the ledger";
    if (kept.ledger.size() != (good ? 1U : 2U)) return "the ledger has other entries";
    if (!good && device.variable("BOOT_ORDER") != core::name(wanted))
        return "the rejected slot is in the order";
    if (!last.problems.empty()) return "a problem is shown: " + last.problems.front();
    return "";
}

std::string end_of(CutDevice const& device, CutDevice::Boot const& last) {
    std::string end = last.holds == Holds::fresh ? "run the new version" : "run the version they ran before";
    if (last.holds == Holds::older) end = "run the version before that";
    if (device.books().committed().last == last.slot) end += ", committed";
    if (Kept{device}.holds(releases().installed)) end += ", the new one is rejected";
    if (!last.problems.empty()) end += ", a problem is shown";
    return end;
}

struct Story {
    std::string problem;
    std::string end;
    bool has_resumed = false;
    std::vector<std::string> log;
};

Story start_again(CutDevice& device, Scenario const& scenario) {
    Story story;
    auto const before = Kept{device};
    int trials = 0;
    CutDevice::Boot boot;
    for (int cycle = 0; story.problem.empty(); ++cycle) {
        story.problem = broken_slot(device);
        if (story.problem.empty() && !scenario.loses_environment) story.problem = wrong_order(device);
        if (!story.problem.empty()) break;
        boot = device.power_cycle(scenario.verdict);
        trials += boot.was_trial ? 1 : 0;
        story.has_resumed = story.has_resumed || boot.has_resumed;
        story.log.push_back(std::string{"-- boot of "} + (boot.slot ? core::name(*boot.slot) : "nothing"));
        story.log.insert(story.log.end(), boot.log.begin(), boot.log.end());
        story.problem = wrong_boot(boot, scenario);
        if (story.problem.empty()) story.problem = broken_slot(device);
        if (story.problem.empty()) story.problem = lost_books(before, Kept{device});
        if (boot.is_quiet) break;
        if (cycle == kMostCycles) story.problem = "it reboots for ever";
    }
    if (story.problem.empty() && trials > kMostTrials)
        story.problem = std::to_string(trials) + " trials of one bundle";
    if (story.problem.empty() && !scenario.loses_environment)
        story.problem = wrong_end(device, boot, scenario);
    story.end = end_of(device, boot);
    return story;
}

// --- all of them ---

class Enumeration {
public:
    Enumeration(Scenario const& scenario, CutDevice& device, std::vector<DiskOp> const& ops, Tree start)
        : scenario_{scenario}, device_{device}, ops_{ops}, medium_{std::move(start)} {}

    Matrix run() {
        for (std::size_t i = 0; i <= ops_.size(); ++i) {
            count(i < ops_.size() ? kind_of(ops_[i].path) : "end");
            for (auto const left : {Left::everything, Left::synced, Left::names})
                start({.op = i, .part = {}, .left = left}, medium_.after_cut(left));
            if (i == ops_.size()) break;
            cut_within(i);
            medium_.apply(ops_[i]);
        }
        return std::move(matrix_);
    }
    Tree whole_story() const { return medium_.after_cut(Left::everything); }

private:
    void cut_within(std::size_t i) {
        auto const& op = ops_[i];
        for (auto const torn : tears(op, 512)) {
            count(kind_of(op.path));
            ++matrix_.torn;
            if ((op.offset + torn) % 4096 == 0) ++matrix_.torn_at_4096;
            for (auto const part : {Part{0, torn}, Part{torn, op.bytes.size()}})
                for (auto const left : {Left::everything, Left::newest})
                    start({.op = i, .part = part, .left = left}, medium_.after_cut_within(op, part, left));
        }
        // All of it has arrived, and what came before it has not.
        Part const all{0, op.bytes.size()};
        start({.op = i, .part = all, .left = Left::newest}, medium_.after_cut_within(op, all, Left::newest));
    }
    void count(std::string const& kind) { ++matrix_.points[kind]; }

    void start(Cut const& cut, Tree tree) {
        if (scenario_.loses_environment) tree["env-0"] = tree["env-1"] = garbage_;
        if (!seen_.insert(fingerprint(tree)).second) return;
        ++matrix_.devices;
        device_.put(tree);
        auto const story = start_again(device_, scenario_);
        matrix_.resumed += story.has_resumed ? 1 : 0;
        if (story.problem.empty()) {
            ++matrix_.ends[story.end];
            return;
        }
        ++matrix_.bad;
        if (matrix_.problems.size() >= kMostProblems) return;
        auto told = text(cut, ops_) + ": " + story.problem;
        for (auto const& line : story.log) told += "\n    " + line;
        matrix_.problems.push_back(std::move(told));
    }

    Scenario const& scenario_;
    CutDevice& device_;
    std::vector<DiskOp> const& ops_;
    CutMedium medium_;
    Bytes garbage_ = std::make_shared<std::string const>(0x2000, 'Z');
    std::unordered_set<std::size_t> seen_;
    Matrix matrix_;
};

}   // namespace

std::string Matrix::text() const {
    std::ostringstream text;
    std::size_t all = 0;
    for (auto const& [kind, count] : points) all += count;
    text << all << " cut points (";
    for (auto const& [kind, count] : points) text << kind << ' ' << count << ", ";
    text << "torn " << torn << ", of these at 4096 bytes " << torn_at_4096 << "), " << devices
         << " different devices, " << resumed << " resumed, ";
    text << bad << " wrong";
    for (auto const& [end, count] : ends) text << "; " << count << ' ' << end;
    return text.str();
}

Matrix cut_everywhere(Scenario const& scenario) {
    CutDevice device;
    auto const start = device.before_update(scenario.running);
    device.put(start);
    auto const ops = record_story(device, scenario);
    auto const end = device.get();

    Enumeration enumeration{scenario, device, ops, start};
    auto matrix = enumeration.run();
    auto const told = enumeration.whole_story();
    auto const is_same = [](auto const& a, auto const& b) {
        return a.first == b.first && *a.second == *b.second;
    };
    if (!std::ranges::equal(told, end, is_same))
        throw std::runtime_error{"the device was written to in a way that the recorder does not know"};
    return matrix;
}

}   // namespace test
