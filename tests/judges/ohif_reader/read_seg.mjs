// What OHIF would show of a segmentation: node read_seg.cjs SEG SOURCE...
// Prints one line of JSON: for each layer its voxels per segment number.
import fs from 'node:fs';
import dcmjs from 'dcmjs';
import { adaptersSEG } from '@cornerstonejs/adapters';
import { metaData } from '@cornerstonejs/core';

const { DicomMessage, DicomMetaDictionary } = dcmjs.data;
const [, , segFile, ...sourceFiles] = process.argv;

function contentOf(file) {
  const bytes = fs.readFileSync(file);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

// A frame of an Enhanced object is an image by itself, its groups' attributes at the top.
function imagesOf(image) {
  const frames = image.PerFrameFunctionalGroupsSequence;
  if (!frames) return { ['x:' + image.SOPInstanceUID]: image };
  const flat = groups => Object.assign({}, ...Object.values(groups ?? {}).map(first));
  const shared = flat(first(image.SharedFunctionalGroupsSequence));
  return Object.fromEntries(frames.map((groups, index) => [
    `x:${image.SOPInstanceUID}&frame=${index + 1}`, { ...image, ...shared, ...flat(groups) }]));
}

function first(sequence) {
  return Array.isArray(sequence) || sequence?.[0] ? sequence[0] : sequence;
}

const sources = {};
for (const file of sourceFiles) {
  const image = DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(contentOf(file)).dict);
  Object.assign(sources, imagesOf(image));
}

// The modules that OHIF's own metadata provider gives the reader.
const modules = {
  instance: image => image,
  generalImageModule: image => ({
    sopInstanceUID: image.SOPInstanceUID, sopClassUID: image.SOPClassUID }),
  imagePlaneModule: image => ({
    imageOrientationPatient: image.ImageOrientationPatient.map(Number),
    imagePositionPatient: image.ImagePositionPatient.map(Number),
    rows: image.Rows, columns: image.Columns, frameOfReferenceUID: image.FrameOfReferenceUID,
    rowCosines: image.ImageOrientationPatient.slice(0, 3).map(Number),
    columnCosines: image.ImageOrientationPatient.slice(3).map(Number),
    rowPixelSpacing: Number(image.PixelSpacing[0]),
    columnPixelSpacing: Number(image.PixelSpacing[1]) }),
  imagePixelModule: image => ({
    bitsAllocated: image.BitsAllocated, bitsStored: image.BitsStored, highBit: image.HighBit,
    photometricInterpretation: image.PhotometricInterpretation, samplesPerPixel: 1,
    pixelRepresentation: image.PixelRepresentation }),
  generalSeriesModule: image => ({
    studyInstanceUID: image.StudyInstanceUID, seriesInstanceUID: image.SeriesInstanceUID,
    modality: image.Modality }),
};
modules.sopCommonModule = modules.generalImageModule;
metaData.addProvider((kind, id) => {
  if (sources[id] && modules[kind]) return modules[kind](sources[id]);
}, 1e5);

async function layersOf(seg) {
  const read = await adaptersSEG.Cornerstone3D.Segmentation.createFromDICOMSegBuffer(
    Object.keys(sources), contentOf(seg), { metadataProvider: metaData, tolerance: 1e-3 });
  return (read.labelMapImages ?? []).map(layer => {
    const counts = {};
    for (const image of [].concat(layer)) {
      for (const value of image.voxelManager?.getScalarData() ?? image.getPixelData()) {
        if (value) counts[value] = (counts[value] ?? 0) + 1;
      }
    }
    return counts;
  });
}

layersOf(segFile).then(
  layers => console.log('\n' + JSON.stringify(layers)),
  error => { console.error(error); process.exitCode = 1; });
