#pragma once
// chronyd(8)'s configuration: time from the operator's servers, served to the LAN. Pure.

#include "config/operator_document.hpp"

#include <filesystem>
#include <string>

namespace net {

struct ChronyPlaces {
    std::filesystem::path drift;    // survives updates
    std::filesystem::path socket;   // chronyc's, absolute; its directory must not be open to others
    std::filesystem::path pid_file;
};

std::string chrony_config(config::OperatorDocument const& document, ChronyPlaces const& places);

}   // namespace net
