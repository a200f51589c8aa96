// Runs a target over the files of folders, without libFuzzer: for coverage by gcov, and where only GCC is at hand.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int count, char** folders) {
  size_t inputs = 0;
  for (int index = 1; index < count; index++) {
    for (const auto& file : std::filesystem::directory_iterator(folders[index])) {
      std::ifstream stream(file.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
      LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
      inputs++;
    }
  }
  std::printf("replayed %zu inputs\n", inputs);
}
