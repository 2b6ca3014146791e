#pragma once
// A boot environment in files, made by the real fw_setenv: order A B, three tries each, and `other=kept`.

#include "core/processes.hpp"
#include "core/workers.hpp"
#include "support/run_task.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace test {

class UbootFiles {
public:
    static constexpr int kSize = 0x2000;

    TemporaryDirectory directory;
    core::asio::io_context io;
    core::Workers workers{1};
    std::filesystem::path config = directory / "fw_env.config";

    explicit UbootFiles(int copies = 2) {
        std::ofstream description{config};
        description << "# device offset size\n";
        for (int copy = 0; copy < copies; ++copy) {
            description << path(copy).string() << " 0x0 0x2000\n";
            std::ofstream{path(copy)} << std::string(kSize, '\xff');
        }
        description.close();
        std::ofstream{directory / "empty"};
        set("BOOT_ORDER=A B\nBOOT_A_LEFT=3\nBOOT_B_LEFT=3\nother=kept\n");
    }

    std::filesystem::path path(int copy) const { return directory / ("env-" + std::to_string(copy)); }

    void set(std::string const& variables) {   // starts from nothing where there is no good copy
        std::ofstream{directory / "variables"} << variables;
        run({"/usr/bin/fw_setenv", "-c", config.string(), "-f", (directory / "empty").string(), "-s",
             (directory / "variables").string()});
    }
    std::string variable(std::string const& name) {   // with its line end
        return run({"/usr/bin/fw_printenv", "-c", config.string(), "-n", name});
    }
    std::string run(std::vector<std::string> argv) {
        core::SystemProcesses processes;
        core::Command command{.argv = std::move(argv)};
        auto const done = run_task(io, processes.run(std::move(command)));
        REQUIRE(done.has_value());
        REQUIRE(done->status == 0);
        return done->output;
    }
    void damage(int copy) {   // whatever was there, leftovers of an earlier store included
        auto const was = bytes(copy).at(100);
        put(copy, 100, std::string(1, static_cast<char>(~was)));
    }
    void put(int copy, int at, std::string const& bytes) {
        std::fstream file{path(copy), std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(at);
        file << bytes;
    }
    std::string bytes(int copy) const {
        std::ifstream file{path(copy), std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
};

}   // namespace test
