# Copied out of the tree as CMakeLists.txt.
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C CXX)
find_package(belay 0.1 CONFIG REQUIRED)
find_package(belay 0.1 CONFIG REQUIRED) # a second time is harmless

add_executable(consumer consumer.c)
add_executable(consumer_cc consumer.cc)
set_target_properties(consumer PROPERTIES C_STANDARD 11 C_EXTENSIONS OFF)
set_target_properties(consumer_cc PROPERTIES CXX_STANDARD 11 CXX_EXTENSIONS OFF)
foreach(program consumer consumer_cc)
  target_compile_options(${program} PRIVATE -Wall -Wextra -Wpedantic -Werror)
  target_link_libraries(${program} PRIVATE belay::belay)
endforeach()
