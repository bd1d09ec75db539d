# What is installed: a prefix tree that works wherever it is put.
install(DIRECTORY include/buslane DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(FILES "${BUSLANE_GENERATED}/buslane/version.hpp" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/buslane)
install(TARGETS buslane EXPORT buslaneTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES "${BUSLANE_ARCHIVE}" DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ../../LICENSE-MIT ../../LICENSE-APACHE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(BUSLANE_PACKAGE ${CMAKE_INSTALL_LIBDIR}/cmake/buslane)
install(EXPORT buslaneTargets NAMESPACE buslane:: DESTINATION ${BUSLANE_PACKAGE})
configure_package_config_file(cmake/buslaneConfig.cmake.in buslaneConfig.cmake
  INSTALL_DESTINATION ${BUSLANE_PACKAGE} PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(buslaneConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/buslaneConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/buslaneConfigVersion.cmake"
  DESTINATION ${BUSLANE_PACKAGE})

configure_file(cmake/buslane.pc.in buslane.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/buslane.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
