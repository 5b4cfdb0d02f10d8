mod chains;
mod rules;
