// What is on the device counts, not what was meant to be written nor what the kernel remembers of it.

#include "ota/uboot_env.hpp"
#include "ota/uboot_reader.hpp"

#include "support/loop_device.hpp"
#include "support/print_result.hpp"
#include "support/uboot_files.hpp"
#include "support/write_recorder.hpp"

using ota::UbootReader;

namespace {

struct World : test::UbootFiles {
    ota::BootState trial() {
        return {.order = {core::Slot::b, core::Slot::a}, .left_a = 3, .left_b = 3, .trial = core::Slot::b};
    }
    core::Result<void> store(ota::BootState const& wanted) {
        ota::UbootEnv env{workers, config, 3};
        return test::run_task(io, env.write(wanted));
    }
    core::Result<ota::BootState> state() {
        ota::UbootEnv env{workers, config, 3};
        return test::run_task(io, env.read());
    }
};

// Both copies, as they are in the files, on one block device too; and a way to change them beneath it.
struct OnDevice : World {
    std::filesystem::path const disk = directory / "disk";
    std::filesystem::path const description = directory / "device.config";
    std::optional<test::LoopDevice> device;

    OnDevice() {
        std::ofstream{disk} << bytes(0) + bytes(1);
        device.emplace(disk);
        auto const node = device->node.string();
        std::ofstream{description} << node << " 0 0x2000\n" << node << " 0x2000 0x2000\n";
    }
    void change_beneath(std::string const& variables) {
        set(variables);
        std::fstream{disk, std::ios::in | std::ios::out | std::ios::binary} << bytes(0) + bytes(1);
    }
};

std::string cached(int device) {
    std::string content(2 * test::UbootFiles::kSize, '\0');
    REQUIRE(::pread(device, content.data(), content.size(), 0) == static_cast<ssize_t>(content.size()));
    return content;
}

std::string other_in(std::vector<ota::EnvCopy> const& copies) {
    return ota::variables_in_use(copies).at("other");
}

}   // namespace

TEST_CASE_FIXTURE(OnDevice, "what is read is what the device holds, whatever the page cache still says") {
    test::WriteRecorder recorder{directory.path()};
    SUBCASE("with direct reads") {}
    SUBCASE("where there are none") {
        recorder.refuse_direct();
    }
    auto const reader = UbootReader::open(description);
    REQUIRE(reader.has_value());
    CHECK(other_in(*reader->read()) == "kept");
    core::OwnedFd const plain{::open(device->node.c_str(), O_RDONLY | O_CLOEXEC)};
    auto const before = cached(plain.get());

    change_beneath("other=changed\n");
    REQUIRE(cached(plain.get()) == before);   // who asks the cache is told of the past
    CHECK(other_in(*reader->read()) == "changed");
}

TEST_CASE_FIXTURE(World, "a store that arrives as it was sent is good") {
    test::WriteRecorder recorder{directory.path()};
    int writes = 0;
    recorder.on_the_way([&](test::DiskOp const&) { return ++writes, 0; });
    REQUIRE(store(trial()));
    CHECK(writes > 0);
    CHECK(*state() == trial());
}

TEST_CASE_FIXTURE(World, "a store that was altered on its way to the device is an error") {
    test::WriteRecorder recorder{directory.path()};
    SUBCASE("one bit") {
        recorder.on_the_way([](test::DiskOp& op) {
            op.bytes[op.bytes.size() / 2] = static_cast<char>(op.bytes[op.bytes.size() / 2] ^ 1);
            return 0;
        });
    }
    SUBCASE("all zeros arrive") {
        recorder.on_the_way([](test::DiskOp& op) { return op.bytes.assign(op.bytes.size(), '\0'), 0; });
    }
    SUBCASE("what was there before stays") {
        recorder.on_the_way([this](test::DiskOp& op) {
            op.bytes = bytes(op.path == "env-1" ? 1 : 0).substr(op.offset, op.bytes.size());
            return 0;
        });
    }
    auto const stored = store(trial());
    REQUIRE_FALSE(stored.has_value());
    CHECK(stored.error().is(core::Errc::io));
    CHECK_MESSAGE(stored.error().context.find("the boot environment") != std::string::npos,
                  stored.error().text());
    // The loader finds what it found before.
    CHECK(state()->order == std::vector{core::Slot::a, core::Slot::b});
    CHECK_FALSE(state()->trial);
}

TEST_CASE_FIXTURE(World, "a store that the device refuses is an error") {
    test::WriteRecorder recorder{directory.path()};
    recorder.on_the_way([](test::DiskOp const&) { return EIO; });
    auto const stored = store(trial());
    REQUIRE_FALSE(stored.has_value());
    CHECK_MESSAGE(stored.error().context.find("could not be written") != std::string::npos,
                  stored.error().text());
    CHECK_FALSE(state()->trial);
}
