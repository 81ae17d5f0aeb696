# cmake -DIN=config/channels.yaml -DOUT=channels_yaml.cpp -P embed.cmake: the rules travel inside the binary.
file(READ "${IN}" text)
file(WRITE "${OUT}" "#include \"journey/channels.h\"\n\nnamespace hw::journey {\n\nstd::string_view ChannelRules::built_in_text() {\n  return R\"yaml(")
file(APPEND "${OUT}" "${text}")
file(APPEND "${OUT}" ")yaml\";\n}\n\n}  // namespace hw::journey\n")
