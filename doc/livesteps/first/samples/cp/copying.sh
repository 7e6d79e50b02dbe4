# step-1
cp letter.txt copy.txt
stat --format "The copy has %s bytes." copy.txt
# step-2
