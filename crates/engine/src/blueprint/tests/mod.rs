mod migrations;
mod trash;
mod versions;
