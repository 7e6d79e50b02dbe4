# step-1
import shutil
from pathlib import Path

shutil.copy("letter.txt", "copy.txt")
print("The copy has", Path("copy.txt").stat().st_size, "bytes.")
# step-2
