# cmake --install: one library, its headers, and what find_package and pkg-config need.
include(CMakePackageConfigHelpers)

install(TARGETS belay EXPORT belayTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/belay
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h")

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/belay)
install(EXPORT belayTargets NAMESPACE belay:: DESTINATION ${package_dir})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/belayConfig.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/belayConfig.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may break what compiled before.
write_basic_package_version_file(
  ${CMAKE_CURRENT_BINARY_DIR}/belayConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/belayConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/belayConfigVersion.cmake
  DESTINATION ${package_dir})

# The prefix is found from where the file lies, so that `cmake --install --prefix` may choose
# another. Absolute install directories (as Nix gives them) stay as they are.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(BELAY_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
  set(BELAY_PC_PREFIX "\${pcfiledir}/${up}")
endif()
foreach(kind INCLUDEDIR LIBDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${kind}}")
    set(BELAY_PC_${kind} "${CMAKE_INSTALL_${kind}}")
  else()
    set(BELAY_PC_${kind} "\${prefix}/${CMAKE_INSTALL_${kind}}")
  endif()
endforeach()
set(BELAY_PC_LIBS_PRIVATE "${CMAKE_THREAD_LIBS_INIT}")
if(IPSEC_MB_LIBRARY)
  string(APPEND BELAY_PC_LIBS_PRIVATE " -l${IPSEC_MB_LIBRARY}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/belay.pc.in ${CMAKE_CURRENT_BINARY_DIR}/belay.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/belay.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
