package barfile

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"strings"
	"sync/atomic"
)

// source is what a file holds: itself, or the members of the archive that it is.
type source struct {
	name    string
	read    atomic.Int64 // bytes of the file, packed as they are
	closers []io.Closer
	plain   *bufio.Reader // of a file that is no archive; nil once it is taken
	tar     *tar.Reader
	zip     []*zip.File
	member  io.Closer // of the zip
}

// counted counts what is read of the file.
type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// isArchive reports the first bytes of a zip.
func isZip(start []byte) bool { return bytes.HasPrefix(start, []byte("PK\x03\x04")) }

// packed are the first bytes of what is not read through.
var packed = map[string]string{"\xfd7zXZ\x00": "xz", "\x28\xb5\x2f\xfd": "zstd", "BZh": "bzip2", "7z\xbc\xaf": "7-Zip", "Rar!": "RAR", "PAR1": "Parquet"}

// newSource looks into the stream for what packs it.
func newSource(name string, r io.Reader) (*source, error) {
	s := &source{name: name}
	buffered := bufio.NewReaderSize(counted{r, &s.read}, lineBytesMax)
	start, _ := buffered.Peek(512)
	if isZip(start) {
		file, ok := r.(*os.File)
		var info os.FileInfo
		var err error
		if ok {
			info, err = file.Stat()
		}
		if !ok || err != nil || !info.Mode().IsRegular() {
			return nil, fileError(name, "a zip is read from a file, not from a stream; save it first")
		}
		archive, err := zip.NewReader(file, info.Size())
		if err != nil {
			return nil, fileError(name, "the zip cannot be read: "+err.Error())
		}
		s.zip = archive.File
		return s, nil
	}
	if bytes.HasPrefix(start, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fileError(name, "the gzip cannot be read: "+err.Error())
		}
		s.closers = append(s.closers, unpacked)
		buffered = bufio.NewReaderSize(unpacked, lineBytesMax)
		start, _ = buffered.Peek(512)
	}
	for magic, kind := range packed {
		if bytes.HasPrefix(start, []byte(magic)) {
			return nil, fileError(name, "it is packed as "+kind+", which is not read through; unpack it to CSV, .gz or .zip first")
		}
	}
	if isTar(start) {
		s.tar = tar.NewReader(buffered)
		return s, nil
	}
	s.plain = buffered
	return s, nil
}

func isTar(start []byte) bool { return len(start) > 262 && string(start[257:262]) == "ustar" }

// packedAs is what a member of an archive is packed as, or "".
func packedAs(r *bufio.Reader) string {
	start, _ := r.Peek(512)
	switch {
	case isZip(start):
		return "zip"
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return "gzip"
	case isTar(start):
		return "tar"
	}
	for magic, kind := range packed {
		if bytes.HasPrefix(start, []byte(magic)) {
			return kind
		}
	}
	return ""
}

// isArchive reports that the file holds files.
func (s *source) isArchive() bool { return s.tar != nil || s.zip != nil }

// next is the next file that the source holds, until io.EOF. Its name is "" for a file that is no archive.
func (s *source) next() (name string, r *bufio.Reader, err error) {
	switch {
	case s.plain != nil:
		r, s.plain = s.plain, nil
		return "", r, nil
	case s.tar != nil:
		for {
			header, err := s.tar.Next()
			if errors.Is(err, io.EOF) {
				return "", nil, io.EOF
			} else if err != nil {
				return "", nil, fileError(s.name, "the tar cannot be read: "+err.Error())
			}
			if header.Typeflag == tar.TypeReg && isVisible(header.Name) {
				return header.Name, bufio.NewReaderSize(s.tar, lineBytesMax), nil
			}
		}
	}
	for len(s.zip) > 0 {
		entry := s.zip[0]
		s.zip = s.zip[1:]
		if entry.FileInfo().IsDir() || !isVisible(entry.Name) {
			continue
		}
		if s.member != nil {
			_ = s.member.Close()
		}
		if entry.Flags&1 != 0 {
			return "", nil, fileError(s.name, entry.Name+" is encrypted; unpack it first")
		}
		opened, err := entry.Open()
		if err != nil {
			return "", nil, fileError(s.name, "the zip cannot be read: "+err.Error())
		}
		s.member = opened
		s.read.Add(int64(entry.CompressedSize64))
		return entry.Name, bufio.NewReaderSize(opened, lineBytesMax), nil
	}
	return "", nil, io.EOF
}

// isVisible reports a member that people put there, unlike .DS_Store and __MACOSX.
func isVisible(name string) bool {
	return !strings.HasPrefix(path.Base(name), ".") && !strings.HasPrefix(name, "__MACOSX")
}

func (s *source) close() {
	if s.member != nil {
		_ = s.member.Close()
	}
	for _, c := range s.closers {
		_ = c.Close()
	}
}
