package schema

// ReadCatalog reads the live catalog, as Verify does.
var ReadCatalog = readCatalog
