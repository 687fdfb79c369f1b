// Both source files as one, for unity builds and where one translation unit is enough.
#include "main.cpp"

#include "elsewhere.cpp"
