package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// digestFile returns the SHA-256 of the content of a file, of a .gz, or of a .zip with one file. A .zip with several
// files, such as an .xlsx workbook, has a digest made of those of its files.
func digestFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}

	start := make([]byte, 4)
	n, err := io.ReadFull(f, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() && bytes.Equal(start[:n], []byte("PK\x03\x04")) {
		return digestZip(f, info.Size())
	}
	return digestContent(f)
}

// digestContent returns the SHA-256 of the content of a stream, which may be a .gz.
func digestContent(r io.Reader) ([]byte, error) {
	buffered := bufio.NewReader(r)
	if start, _ := buffered.Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return digestOf(unpacked)
	}
	return digestOf(buffered)
}

func digestOf(r io.Reader) ([]byte, error) {
	sum := sha256.New()
	_, err := io.Copy(sum, r)
	return sum.Sum(nil), err
}

func digestZip(f *os.File, size int64) ([]byte, error) {
	archive, err := zip.NewReader(f, size)
	if err != nil {
		return nil, err
	}
	var members []*zip.File
	for _, member := range archive.File {
		isHidden := strings.HasPrefix(path.Base(member.Name), ".") || strings.HasPrefix(member.Name, "__MACOSX/")
		if !member.FileInfo().IsDir() && !isHidden {
			members = append(members, member)
		}
	}

	var digests []string
	for _, member := range members {
		digest, err := digestMember(member)
		if err != nil {
			return nil, err
		}
		digests = append(digests, string(digest))
	}
	if len(digests) == 1 {
		return []byte(digests[0]), nil
	}
	slices.Sort(digests)
	return digestOf(strings.NewReader(strings.Join(digests, "")))
}

func digestMember(member *zip.File) ([]byte, error) {
	content, err := member.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return digestOf(content)
}

// digestingReader passes a stream on and computes the digest of its content.
type digestingReader struct {
	io.Reader
	into   *io.PipeWriter
	result chan digestResult
}

type digestResult struct {
	digest []byte
	err    error
}

func newDigestingReader(r io.Reader) *digestingReader {
	out, into := io.Pipe()
	d := &digestingReader{Reader: io.TeeReader(r, into), into: into, result: make(chan digestResult, 1)}
	go func() {
		digest, err := digestContent(out)
		_, _ = io.Copy(io.Discard, out) // the stream goes on after a broken .gz
		d.result <- digestResult{digest, err}
	}()
	return d
}

// sum reads the stream to its end and returns the digest.
func (d *digestingReader) sum() ([]byte, error) {
	_, err := io.Copy(io.Discard, d.Reader)
	_ = d.into.CloseWithError(err)
	result := <-d.result
	return result.digest, firstError(err, result.err)
}
