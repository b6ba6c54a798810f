"""The main job on real images, seen in five minutes: `dicom-node demo`."""
